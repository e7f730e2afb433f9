"""Who watches a replay hears of each operation, and nothing new happens."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.dispatch import Signal

from workflows import signals
from workflows.api import Context, RunState, cancel, get_run, step, workflow
from workflows.core.unwind import EndOfHistory
from workflows.engine.debugging.watched_replay import Stop, watch
from workflows.engine.drive.workflow_code import Retraced
from workflows.engine.replay_check import recorded_run, replay
from workflows.engine.session.session import Session
from workflows.models import Event, History, Run
from workflows.testing import send
from workflows.tests.builders import counted_statements, driven
from workflows.tests.engine.debugging.orders import debug, deployed, waiting_order
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


class Diary:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.stops: list[Stop] = []
        self.why: BaseException | None = None
        self.at: Stop | None = None

    def before(self, stop: Stop, session: Session) -> None:
        self.stops.append(stop)

    def unwound(self, why: BaseException, stop: Stop | None, session: Session) -> None:
        self.why, self.at = why, stop

    def over(self, session: Session, retraced: Retraced) -> None: ...

    @property
    def asked(self) -> list[tuple[int, str]]:
        return [(stop.position, str(stop.operation)) for stop in self.stops]


def rows() -> list[Any]:
    models: list[Any] = [Run, History, Event, Group]
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_each_operation_is_told_with_what_the_code_gives() -> None:
    run = waiting_order()
    diary = Diary()

    difference = watch(recorded_run(run.id), diary)

    assert difference is None
    assert diary.asked == [
        (1, "now"),
        (2, "step 'charge'"),
        (3, "group 'ship, ship'"),
        (6, "wait 'address'"),
    ]
    assert diary.stops[1].given == {"order_id": 7, "amount": 17}
    assert diary.stops[2].steps == ("ship", "ship")
    assert diary.stops[2].given["ship[0]"] == {"reference": "ref-7"}
    assert diary.stops[3].given == {"timeout_seconds": 3600.0}
    frame = diary.stops[1].frame
    assert frame is not None and frame.f_code.co_name == "order"
    assert isinstance(diary.why, EndOfHistory) and diary.at == diary.stops[-1]


def test_nothing_runs_nothing_is_sent_and_nobody_is_told() -> None:
    run = waiting_order()
    before, done, heard = rows(), list(notes.done), []
    every = [each for each in vars(signals).values() if isinstance(each, Signal)]

    def hear(**told: Any) -> None:
        heard.append(told)

    for each in every:
        each.connect(hear)
    try:
        for change in (
            "as it was",
            "another step",
            "another argument",
            "a mistake",
            "an early end",
        ):
            deployed["what"] = change
            with counted_statements() as sent:
                watch(recorded := recorded_run(run.id), Diary())
            assert all(each.lstrip().startswith(("SELECT", "WITH")) for each in sent), recorded
            debug(run, "--no-input")
            debug(run, typed="next operation\ndata\nhistory\nend\n")
    finally:
        for each in every:
            each.disconnect(hear)

    assert len(every) > 20
    assert (rows(), notes.done, heard) == (before, done, [])


@pytest.mark.parametrize(
    "change", ["another step", "another argument", "a mistake", "an early end"]
)
def test_the_verdict_is_that_of_a_replay_without_a_watcher(change: str) -> None:
    recorded = recorded_run(waiting_order().id)
    deployed["what"] = change

    difference = watch(recorded, Diary())

    assert difference is not None
    assert difference == replay(recorded)


@step
def count(number: int) -> int:
    """A step between two runs."""
    return number + 1


@workflow("tests.debugged_loop")
def loop(run: Context, number: int) -> None:
    """Goes on as a new run, with a child."""
    if number < 2:
        run.start_child("tests.greet", name=f"Ann {number}")
        run.continue_as_new(number=run.step(count, number))


def test_a_run_that_goes_on_as_another_says_so() -> None:
    run = driven(loop, number=0)
    diary = Diary()

    watch(recorded_run(run.id), diary)

    assert get_run(run.id).state == RunState.COMPLETED
    assert diary.at is not None and diary.at.operation.what == "continue_as_new"
    assert diary.at.given == {"number": 1}
    assert diary.stops[0].given == {"name": "Ann 0"}


def test_an_operation_that_has_not_ended_is_where_a_cancelled_run_stood() -> None:
    run = waiting_order()
    cancel(run.id)
    diary = Diary()

    watch(recorded_run(run.id), diary)

    assert diary.at is not None and diary.at.operation.what == "wait"


def test_a_run_that_has_ended_is_watched_to_its_end() -> None:
    run = waiting_order()
    send(run, "address", {"city": "Ghent"})
    diary = Diary()

    difference = watch(recorded_run(run.id), diary)

    assert difference is None
    assert diary.why is None
