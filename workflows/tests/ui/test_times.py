"""Times and lengths are written as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from workflows.ui.times import clock, length, when


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0004, "< 1 ms"),
        (0.038, "38 ms"),
        (4.2, "4.2 s"),
        (59, "59 s"),
        (60, "1 m"),
        (112, "1 m 52 s"),
        (7_205, "2 h"),
        (93_600, "1 d 2 h"),
        (-5, "-5 s"),
    ],
)
def test_a_length_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert length(timedelta(seconds=seconds)) == words


def test_a_moment_is_shown_in_the_active_zone_and_told_in_utc() -> None:
    at = datetime(2020, 7, 1, 22, 30, 5, 123456, tzinfo=UTC)

    with timezone.override(ZoneInfo("Europe/Zurich")):
        shown = when(at)

    assert ">2020-07-02 00:30<" in shown
    assert 'title="2020-07-01 22:30:05.123 UTC"' in shown


def test_today_needs_no_day() -> None:
    now = timezone.now()

    assert clock(now) == f"{timezone.localtime(now):%H:%M:%S}"


def test_no_time_is_nothing() -> None:
    assert (length(None), clock(None), when(None)) == ("", "", "")
