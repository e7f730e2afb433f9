"""The lines of the log: no control characters, and quiet about visitors' mistakes."""

import logging
import sys

import pytest

from toolsite.log_lines import CalmFilter, PlainFormatter


def record(
    name: str, message: str, *, level: int = logging.WARNING, status: int = 0
) -> logging.LogRecord:
    made = logging.LogRecord(name, level, "", 1, message, (), None)
    if status:
        made.status_code = status
    return made


def test_control_characters_are_shown_by_their_numbers() -> None:
    text = PlainFormatter("%(message)s").format(record("x", "a\0b\x1b[2Jc\rd\u2028e\x9bf ü\tg"))

    assert text == r"a\x00b\x1b[2Jc\rd\u2028e\x9bf ü" + "\tg"


def test_a_traceback_keeps_its_lines_but_no_nul() -> None:
    try:
        raise ValueError("a\0b")
    except ValueError:
        failed = record("x", "failed")
        failed.exc_info = sys.exc_info()

    text = PlainFormatter("%(message)s").format(failed)

    assert "\0" not in text
    assert text.startswith("failed\nTraceback")
    assert text.endswith(r"ValueError: a\x00b")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("no cookie: /accounts/confirm-email/Nzk:1xUsbZ:2A-b324/", "/accounts/confirm-email/.../"),
        (
            "answered 503 to /accounts/password/reset/key/4-diewu4-3dd98/: away",
            "/accounts/password/reset/key/.../: away",
        ),
    ],
)
def test_no_line_tells_a_mailed_link(told: str, kept: str) -> None:
    text = PlainFormatter("%(message)s").format(record("x", told))

    assert text == told[: told.index("/")] + kept


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 422, 429])
def test_a_visitors_mistake_is_no_warning(status: int) -> None:
    mistake = record("django.request", "Unprocessable Entity: /", status=status)

    assert CalmFilter().filter(mistake)
    assert (mistake.levelname, mistake.levelno) == ("INFO", logging.INFO)


def test_a_fault_of_ours_stays_loud() -> None:
    fault = record("django.request", "Internal Server Error: /", level=logging.ERROR, status=500)

    assert CalmFilter().filter(fault)
    assert fault.levelname == "ERROR"


def test_what_is_suspicious_is_a_warning_without_a_traceback() -> None:
    suspicious = record("django.security.DisallowedModelAdminLookup", "no", level=logging.ERROR)
    suspicious.exc_info = (ValueError, ValueError(), None)

    assert CalmFilter().filter(suspicious)
    assert suspicious.levelname == "WARNING"
    assert not suspicious.exc_info
