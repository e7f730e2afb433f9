"""Parking unwinds workflow code: nothing it does on the way is recorded, nothing swallows it."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from workflows.api import Context, RunState, get_run, send_event, workflow
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven, kinds
from workflows.tests.flows import greet, notes

pytestmark = pytest.mark.django_db


def catching_exception(run: Context) -> object:
    try:
        return run.wait_event("go")
    except Exception:
        return "swallowed"


def catching_everything(run: Context) -> object:
    try:
        return run.wait_event("go")
    except:  # noqa: E722 - what the engine has to withstand
        return "swallowed"


def catching_everything_and_going_on(run: Context) -> object:
    try:
        return run.wait_event("go")
    except BaseException:
        return run.step(greet, "Mallory")


def catching_everything_and_failing(run: Context) -> object:
    try:
        return run.wait_event("go")
    except BaseException as swallowed:
        raise ValueError("instead") from swallowed


def catching_twice(run: Context) -> object:
    with contextlib.suppress(BaseException):
        return run.wait_event("go")
    with contextlib.suppress(BaseException):
        run.set_status("Lost")
    with contextlib.suppress(BaseException):
        run.uuid()
    return "swallowed"


def tidying_up(run: Context) -> object:
    try:
        return run.wait_event("go")
    finally:
        run.step(greet, "the cleaner")


def leaving_a_context(run: Context) -> object:
    @contextlib.contextmanager
    def watched() -> Iterator[None]:
        try:
            yield
        finally:
            run.set_status("Watched")

    with watched():
        return run.wait_event("go")


BODIES: list[Callable[[Context], object]] = [
    catching_exception,
    catching_everything,
    catching_everything_and_going_on,
    catching_everything_and_failing,
    catching_twice,
    tidying_up,
    leaving_a_context,
]
BY_NAME = {body.__name__: body for body in BODIES}


@workflow("tests.suspension")
def suspended(run: Context, body: str) -> object:
    return BY_NAME[body](run)


@pytest.mark.parametrize("body", BY_NAME)
def test_a_wait_parks_whatever_the_code_does_about_it(body: str) -> None:
    run = driven(suspended, body=body)

    assert (run.state, run.waiting_for) == (RunState.WAITING, ("go",))
    assert kinds(run.id) == ["wait_started"]
    assert notes.done == []


@pytest.mark.parametrize("body", BY_NAME)
def test_after_the_wait_the_code_goes_on_as_if_nothing_had_been(body: str) -> None:
    run = driven(suspended, body=body)

    send_event(run.id, "go", "came")
    drive_until_idle()

    assert (get_run(run.id).state, get_run(run.id).output) == (RunState.COMPLETED, "came")


def test_cleaning_up_happens_once_when_the_run_really_leaves() -> None:
    run = driven(suspended, body="tidying_up")

    send_event(run.id, "go")
    drive_until_idle()

    assert notes.done == ["greet the cleaner"]
