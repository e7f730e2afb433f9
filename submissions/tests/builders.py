"""People, boards and submissions for tests. alice owns, bob is allowed, charlie is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from submissions.details import Details
from submissions.link_check import Code, LinkVerdict
from submissions.link_check.verdict import outcome_of
from submissions.models import Board, Submission
from submissions.services.reserve_slot import reserve_slot
from submissions.services.send_details import send_details
from workflows.api import HistoryKind, cancel, get_history, get_run, list_runs
from workflows.testing import advance, drive_until_idle, pass_time

GOOD = {
    "name": "QueryLens",
    "category": "data",
    "link": "https://querylens.dev/",
    "tagline": "Explains slow SQL in plain words",
    "description": "For teams that own their queries.",
}


def person(name: str) -> User:
    user = User.objects.filter(username=name).first()
    return user or User.objects.create_user(name, f"{name}@example.com")


def moderator() -> User:
    return User.objects.create_superuser("mona", "mona@example.com")


def make_board(slug: str = "launch", **fields: Any) -> Board:
    """Make a board; a maker may hold all of its slots, unless the test is about that."""
    slots = fields.get("slots", 24)
    plain = {"name": "Launch", "slots": slots, "slots_per_maker": slots, "reservation_seconds": 120}
    fields = plain | fields
    return Board.objects.create(slug=slug, **fields)


def good_details(**changes: str) -> Details:
    return Details(**(GOOD | changes))


def reserved(maker: User, board: Board, slot: int = 3, **more: Any) -> Submission:
    return reserve_slot(maker=maker, board_slug=board.slug, slot=slot, **more)


def in_review(maker: User, board: Board, slot: int = 3, **changes: str) -> Submission:
    submission = reserved(maker, board, slot)
    return send(submission, **changes)


def send(submission: Submission, **changes: str) -> Submission:
    return send_details(
        maker=submission.maker,
        submission_id=submission.pk,
        details=good_details(**changes),
        typed=GOOD | changes,
    )


def close_window(submission: Submission) -> None:
    """Put the end of the window into the past; its run has not noticed yet."""
    Submission.objects.filter(pk=submission.pk).update(
        reserved_at=F("reserved_at") - F("expires_at") + Now(), expires_at=Now()
    )


def stop_run(submission: Submission) -> None:
    """Do what an operator does to a run that is stuck."""
    assert submission.run_id is not None
    assert cancel(submission.run_id, reason="stuck", by="mona")


def prune_run(submission: Submission) -> None:
    """Let its run have been stopped, and deleted long after that; the row still names it."""
    stop_run(submission)
    advance(2)
    call_command("workflows_prune", "--older-than", "1s", stdout=StringIO())
    assert not list_runs()


def without_run(submission: Submission) -> None:
    """Make it a row that never had a run, as the demo has some."""
    stop_run(submission)
    Submission.objects.filter(pk=submission.pk).update(run_id=None)


def verdict(code: Code = Code.OK, **facts: Any) -> LinkVerdict:
    facts = {
        "outcome": outcome_of(code),
        "code": code,
        "status": 200 if code is Code.OK else None,
        "final_url": None,
        "retry_after_seconds": None,
        "seconds": 0.1,
        "hops": (),
        "title": None,
    } | facts
    return LinkVerdict(**facts)


@contextmanager
def link_answers(*answers: LinkVerdict) -> Iterator[mock.Mock]:
    """Let the guard answer so, one after the other; the last answer stays."""
    script = list(answers)

    def answer(url: str, **options: Any) -> LinkVerdict:
        return script.pop(0) if len(script) > 1 else script[0]

    with mock.patch("submissions.steps.ask_the_guard", side_effect=answer) as guard:
        yield guard


def signed_in(name: str) -> Client:
    """Return a browser in which this person is signed in."""
    client = Client()
    client.force_login(person(name))
    # At its first visit the site lists a session, which costs queries that no page counts.
    session = client.session
    session["toolsite_listed"] = session.session_key
    session.save()
    return client


def outcome(submission: Submission) -> tuple[str, str, str]:
    """Return the row's status and code, and the state of its run."""
    submission.refresh_from_db()
    assert submission.run_id is not None
    state = get_run(submission.run_id).state
    return submission.status, submission.reason_code, state


def history_of(submission: Submission, kind: HistoryKind) -> list[str]:
    assert submission.run_id is not None
    return [entry.name for entry in get_history(submission.run_id) if entry.kind == kind]


def next_try(submission: Submission) -> None:
    """Let the time pass that the run waits for."""
    submission.refresh_from_db()
    assert submission.run_id is not None
    pass_time(submission.run_id)
    drive_until_idle()
