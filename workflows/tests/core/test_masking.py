"""What stands under a secret's name is never shown, however deep it is."""

from typing import Any

import pytest

from workflows.core.masking import MASK, check_masked, masked


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"password": "x"}, {"password": MASK}),
        ({"PassWord": {"old": 1}}, {"PassWord": MASK}),
        ([{"a": [{"token": 7}]}], [{"a": [{"token": MASK}]}]),
        ({"token": None, "password": ""}, {"token": None, "password": ""}),
        ({"tokens": "x", "name": "password"}, {"tokens": "x", "name": "password"}),
        ("password", "password"),
        (None, None),
    ],
)
def test_secrets_are_masked_by_name(value: Any, shown: Any) -> None:
    assert masked(value, ["password", "TOKEN"]) == shown


def test_what_was_given_stays_as_it_was() -> None:
    value = {"inner": {"password": "x"}}

    masked(value, ["password"])

    assert value == {"inner": {"password": "x"}}


@pytest.mark.parametrize("names", ["password", [""], [1], None, {"a": 1}])
def test_what_is_no_list_of_names_is_refused(names: Any) -> None:
    with pytest.raises(ValueError, match="no list of names"):
        check_masked(names)
