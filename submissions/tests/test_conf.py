"""Wrong settings are refused with one sentence; the check has an id."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from submissions.checks import check_conf
from submissions.conf import conf
from submissions.models import Board


def test_the_defaults_hold_where_nothing_is_set() -> None:
    with override_settings(SUBMISSIONS={}):
        found = conf()

    assert found.reservation_seconds == 120
    assert found.link_check_allow == ()


def test_a_misspelt_name_is_refused_with_a_suggestion() -> None:
    wrong = override_settings(SUBMISSIONS={"reservation_second": 60})

    with wrong, pytest.raises(ImproperlyConfigured, match="did you mean 'reservation_seconds'"):
        conf()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("reservation_seconds", "120", "whole number of seconds"),
        ("reservation_seconds", 0, "whole number of seconds"),
        ("reservation_seconds", True, "whole number of seconds"),
        ("reservation_seconds", 86_401, "whole number of seconds"),
        ("link_check_allow", "127.0.0.0/8", "must be a list"),
        ("link_check_allow", ["127.0.0.0/99"], "holds networks such as"),
        ("link_check_allow", [None], "holds networks such as"),
    ],
)
def test_a_wrong_value_stops_the_start_with_a_sentence(
    name: str, value: Any, sentence: str
) -> None:
    with override_settings(SUBMISSIONS={name: value}):
        found = check_conf()

    assert [each.id for each in found] == ["submissions.E001"]
    assert sentence in found[0].msg


def test_a_new_board_takes_the_window_that_is_set() -> None:
    with override_settings(SUBMISSIONS={"reservation_seconds": 45}):
        board = Board()

    assert board.reservation_seconds == 45
