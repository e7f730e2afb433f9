"""Text of users: nothing of it steers a terminal, nothing of it is endless."""

from datetime import UTC, datetime, timedelta

import pytest

from workflows.command_line.safe_text import LONGEST_VALUE, cell, moment, printable, span, value


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ann", "Ann"),
        ("Zoë 漢字", "Zoë 漢字"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\rb\tc\nd", "a\\rb\\tc\\nd"),
        ("\x07\x00\x7f", "\\x07\\x00\\x7f"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(given: str, shown: str) -> None:
    assert printable(given) == shown


def test_line_ends_stay_where_lines_are_wanted() -> None:
    assert printable("a\nb\x1b", lines=True) == "a\nb\\x1b"


def test_a_cell_is_one_short_line() -> None:
    assert cell("a\n  b") == "a b"
    assert cell("x" * 61) == "x" * 59 + "…"


def test_a_long_value_is_cut_and_says_how_long_it_was() -> None:
    shown = value("x" * 5_000)

    assert len(shown) < LONGEST_VALUE + 60
    assert shown.endswith("… (5,002 characters; --json has all of them)")


def test_times_are_utc_and_none_is_nothing() -> None:
    assert moment(datetime(2026, 11, 1, 9, 30, tzinfo=UTC)) == "2026-11-01 09:30:00"
    assert (moment(None), span(None)) == ("", "")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.25, "0.25 s"),
        (42, "42 s"),
        (184, "3 min 4 s"),
        (7_500, "2 h 5 min"),
        (349_200, "4 d 1 h"),
        (-1, "0.00 s"),
    ],
)
def test_spans_are_told_as_people_do(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words
