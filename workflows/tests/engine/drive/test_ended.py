"""How the workflow's code has ended, told before anything is written."""

from contextlib import suppress
from typing import Any

import pytest

from workflows.api import Context, Permanent, start, workflow
from workflows.core.endings import Ending
from workflows.core.errors import ReplayMismatch
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.unwind import Drain, LeaseLost
from workflows.definitions.workflow import workflow_definition
from workflows.engine.drive.ended import Ended, replay_to_its_end, unwound_by
from workflows.engine.session.session import Session
from workflows.tests.builders import claim

pytestmark = pytest.mark.django_db


@workflow("tests.ending_somehow")
def ending_somehow(run: Context, how: str) -> Any:
    match how:
        case "raises":
            raise Permanent("a mistake")
        case "unstorable":
            return object()
        case "keeps what is unstorable":
            run.data["value"] = object()
        case "keeps a key joined into a text":
            run.data["value"] = " ".join(["order", run.idempotency_key])
        case "swallows":
            with suppress(BaseException):
                run.sleep(60)
        case "wrong":
            run.sleep(float("nan"))
        case "renewed":
            run.continue_as_new(how="returns")
    return how


def ended(how: str, *recorded: HistoryEntry) -> Ended:
    return replay_to_its_end(session(how, *recorded))


def session(how: str, *recorded: HistoryEntry) -> Session:
    start(ending_somehow, how=how)
    session = Session(claim(), workflow_definition(ending_somehow), lambda: False)
    for entry in recorded:
        session.history.add(entry)
    return session


def label(kind: HistoryKind = HistoryKind.STATUS_SET, name: str = "Once") -> HistoryEntry:
    at = session("returns").run.created_at
    return HistoryEntry(id=1, position=1, part=0, kind=kind, name=name, data={}, at=at)


@pytest.mark.parametrize(
    ("how", "ending"),
    [
        ("returns", Ending.RETURNED),
        ("raises", Ending.RAISED),
        ("unstorable", Ending.RAISED),
        ("keeps what is unstorable", Ending.RAISED),
        ("keeps a key joined into a text", Ending.WRONG_DEFINITION),
        ("swallows", Ending.SUSPENDED),
        ("wrong", Ending.WRONG_DEFINITION),
        ("renewed", Ending.CONTINUED),
    ],
)
def test_what_the_code_does_tells_the_ending(how: str, ending: Ending) -> None:
    found = ended(how)

    assert found.how is ending
    assert (found.output is not None) is (ending is Ending.RETURNED) is (found.error is None)


@pytest.mark.parametrize("how", ["returns", "raises"])
def test_an_end_in_the_middle_of_a_replay_is_changed_code(how: str) -> None:
    found = ended(how, label())

    assert found.how is Ending.MISMATCH
    assert isinstance(found.why, ReplayMismatch)
    assert "status 'Once'" in str(found.why)


def test_a_patch_that_this_code_does_not_know_is_of_newer_code() -> None:
    found = ended("raises", label(HistoryKind.PATCH_TAKEN, "better"))

    assert found.how is Ending.CODE_IS_OLDER


@pytest.mark.parametrize(
    ("why", "ending"), [(Drain(), Ending.DRAINED), (LeaseLost(), Ending.LEASE_LOST)]
)
def test_what_unwinds_the_code_is_its_ending_wherever_the_replay_was(
    why: BaseException, ending: Ending
) -> None:
    found = unwound_by(session("returns", label()), why)

    assert (found.how, found.why) == (ending, why)
