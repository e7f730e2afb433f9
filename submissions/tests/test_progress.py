"""The steps of the status page, from a row and its history; no database is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from submissions.models import Board, Submission
from submissions.progress import FailedTry, StatusStep, last_failed_try, tell_progress
from submissions.states import Ended, Status
from workflows.api import HistoryEntry, HistoryKind

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
SENTENCE = "The site did not answer in time."


def row(status: Status, *, moderated: bool = False, **fields: Any) -> Submission:
    sent = {} if status == Status.PENDING else {"details_at": NOON + timedelta(seconds=103)}
    facts = {
        "slot": 7,
        "status": status,
        "name": "QueryLens",
        "link": "https://querylens.dev/",
        "reserved_at": NOON,
        "expires_at": NOON + timedelta(seconds=120),
    }
    return Submission(board=Board(needs_moderator=moderated), **(facts | sent | fields))


def failed_try(number: int = 2, in_seconds: float | None = 8.0) -> FailedTry:
    next_at = None if in_seconds is None else NOON + timedelta(seconds=in_seconds)
    return FailedTry(number=number, of=5, message=SENTENCE, next_at=next_at)


def states(submission: Submission, failed: FailedTry | None = None) -> list[str]:
    return [step.state for step in tell_progress(submission, failed, NOON).steps]


def link_step(submission: Submission, failed: FailedTry | None = None) -> StatusStep:
    return tell_progress(submission, failed, NOON).steps[2]


@pytest.mark.parametrize(
    ("submission", "expected"),
    [
        (row(Status.PENDING), "completed waiting pending"),
        (row(Status.IN_REVIEW), "completed completed running pending"),
        (row(Status.IN_REVIEW, moderated=True), "completed completed running pending pending"),
        (
            row(Status.IN_REVIEW, moderated=True, link_checked_at=NOON),
            "completed completed completed waiting pending",
        ),
        (
            row(Status.IN_REVIEW, moderated=True, link_checked_at=NOON, link_note="Not let in."),
            "completed completed completed waiting pending",
        ),
        (
            row(Status.APPROVED, link_checked_at=NOON, decided_at=NOON),
            "completed completed completed approved",
        ),
        (
            row(Status.APPROVED, decided_at=NOON, moderated=True),
            "completed completed cancelled completed approved",
        ),
        (
            row(Status.REJECTED, link_checked_at=NOON, reason_code=Ended.UNREACHABLE),
            "completed completed failed rejected",
        ),
        (
            row(Status.REJECTED, link_checked_at=NOON, reason_code=Ended.REFUSED),
            "completed completed completed completed rejected",
        ),
        (
            row(Status.CANCELLED, details_at=None, reason_code=Ended.EXPIRED),
            "completed cancelled cancelled",
        ),
        (
            row(Status.CANCELLED, reason_code=Ended.WITHDRAWN),
            "completed completed cancelled cancelled",
        ),
    ],
)
def test_the_steps_tell_how_far_it_is(submission: Submission, expected: str) -> None:
    assert states(submission) == expected.split()


def test_the_details_tell_how_close_it_was() -> None:
    details = tell_progress(row(Status.IN_REVIEW), None, NOON).steps[1]

    assert details.text == "17 seconds before the limit."


def test_a_failed_try_tells_what_happened_and_when_the_next_one_is() -> None:
    step = link_step(row(Status.IN_REVIEW), failed_try())

    assert step.state == "waiting"
    assert step.text == f"querylens.dev (try 2 of 5): {SENTENCE}"
    assert step.seconds_to_next == 8


@pytest.mark.parametrize("in_seconds", [None, 0.0, -3.0])
def test_a_try_that_is_due_is_running(in_seconds: float | None) -> None:
    step = link_step(row(Status.IN_REVIEW), failed_try(in_seconds=in_seconds))

    assert (step.state, step.seconds_to_next) == ("running", None)


def test_the_version_changes_with_the_next_try_but_not_with_the_seconds() -> None:
    submission, failed = row(Status.IN_REVIEW), failed_try()

    now, later = (
        tell_progress(submission, failed, NOON + timedelta(seconds=passed)) for passed in (0, 3)
    )
    other = tell_progress(submission, failed_try(number=3, in_seconds=30), NOON)

    assert now.steps[2].seconds_to_next != later.steps[2].seconds_to_next
    assert now.version == later.version != other.version


def test_a_rejected_link_says_why_and_that_the_slot_is_free() -> None:
    submission = row(
        Status.REJECTED,
        link_checked_at=NOON,
        reason=f"{SENTENCE} We tried 5 times.",
        reason_code=Ended.UNREACHABLE,
    )

    progress = tell_progress(submission, None, NOON)

    assert progress.title == "We could not reach your link"
    assert progress.lead == submission.reason
    assert progress.steps[-1].text.endswith("Slot 7 is free again.")


def test_a_site_that_lets_no_machine_in_is_not_said_to_work_or_to_be_bad() -> None:
    note = "The site does not let our check in."
    submission = row(Status.IN_REVIEW, moderated=True, link_checked_at=NOON, link_note=note)

    progress = tell_progress(submission, None, NOON)

    assert (
        progress.lead == "The site did not let our check in. A person opens the link and decides."
    )
    assert progress.steps[2].text == "The site did not let our check in; that is left to a person."


def attempt_failed(number: int, error_type: str, message: str) -> HistoryEntry:
    return HistoryEntry(
        id=number,
        position=3,
        part=number,
        kind=HistoryKind.ATTEMPT_FAILED,
        name="check_link",
        data={
            "attempt": number,
            "attempts": 5,
            "error": {"type": error_type, "message": message, "traceback": "…"},
            "retry_at": "2030-01-01T12:00:08+00:00",
        },
        at=NOON,
    )


def test_the_last_failed_try_is_read_from_history() -> None:
    transient = "workflows.core.errors.Transient"

    found = last_failed_try(attempt_failed(n, transient, f"{SENTENCE} {n}") for n in (1, 2))

    assert found == FailedTry(
        number=2, of=5, message=f"{SENTENCE} 2", next_at=NOON + timedelta(seconds=8)
    )


def test_a_fault_of_ours_is_not_read_out() -> None:
    found = last_failed_try([attempt_failed(1, "builtins.KeyError", "secret")])

    assert found is not None and "secret" not in found.message


def test_failed_tries_of_other_steps_are_not_the_link_checks() -> None:
    entry = attempt_failed(1, "builtins.ConnectionRefusedError", "mail")
    other = HistoryEntry(**(vars(entry) | {"name": "mail_result"}))

    assert last_failed_try([other]) is None
