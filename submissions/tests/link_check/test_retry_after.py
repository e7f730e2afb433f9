"""How long to wait, from what a site says. Pure."""

from datetime import UTC, datetime

import pytest

from submissions.link_check.retry_after import read_retry_after

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 1.0),
        ("1", 1.0),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("0000000000000000030", 30.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("9" * 5_000, 3600.0),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("\uff11", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar  1 12:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 1.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Mon, 31 Feb 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026 12:00:30 +9999999", None),
    ],
)
def test_a_wait_is_read_and_kept_within_a_second_and_an_hour(
    value: str | None, seconds: float | None
) -> None:
    assert read_retry_after(value, NOON) == seconds
