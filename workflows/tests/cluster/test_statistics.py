"""The chores that count: each thing once, however many count and whatever commits late."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.db import connection
from django.test import override_settings

from workflows.api import Context, Permanent, RetryPolicy, cancel, start, step, workflow
from workflows.cluster import statistics
from workflows.cluster.statistics import BETWEEN_LOOKS_SECONDS, Count, Tidy
from workflows.core.figures import EPOCH, Counted, Figure, Grain, Place, Subject
from workflows.core.retention import keep_all_for
from workflows.engine.prune import prune
from workflows.models import Statistic, StatisticMark
from workflows.store import counting
from workflows.store.database import Connection
from workflows.store.statistics import add_figures
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim, connected, driven, elsewhere
from workflows.tests.cluster.lab import Lab
from workflows.tests.counted import begin_an_hour_ago, count_all, ever, let_them_age
from workflows.tests.flows import greet_once
from workflows.tests.old_runs import ended

pytestmark = pytest.mark.usefixtures("lab")
A_STEP = """
    WITH held AS (SELECT id, attempt FROM workflows_run WHERE id = %s FOR NO KEY UPDATE)
    INSERT INTO workflows_history (run_id, position, kind, name, data, attempt, at)
    SELECT id, %s, 'step_completed', 'slow', '{"output": 1, "seconds": 0.5}', attempt, now() FROM held
"""
A_RUN = """
    INSERT INTO workflows_run (id, workflow, version, state, status, input, wake_at, created_at)
    VALUES (gen_random_uuid(), 'tests.late', 1, 'pending', '', '{}', now() + interval '1 day',
            clock_timestamp() - interval '1 minute')
"""


@pytest.fixture
def own(lab: Lab) -> Iterator[Connection]:
    with connected() as own:
        begin_an_hour_ago(own)
        yield own


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=0))
def stumble() -> None:
    """Fail each time."""
    raise ValueError("no")


@workflow("tests.stumbles")
def stumbles(run: Context) -> None:
    """It fails in its second try."""
    run.step(stumble)


@workflow("tests.refuses")
def refuses(run: Context) -> None:
    """It fails as it is meant to."""
    raise Permanent("no")


@workflow("tests.goes_on")
def goes_on(run: Context, again: bool = True) -> None:
    """It goes on as another."""
    if again:
        run.continue_as_new(again=False)


def test_what_became_of_runs_and_steps(own: Connection) -> None:
    for flow in (stumbles, refuses, goes_on):
        start(flow)
    driven(greet_once, name="Ann")
    cancel(start(greet_once, name="Bea").id, by="op")
    drive_until_idle()
    let_them_age()

    count_all(own)

    assert ever(Counted.ENDED) == {"completed": 2, "failed": 2, "continued": 1, "cancelled": 1}
    assert ever(Counted.FAILED) == {"transient": 1, "business": 1}
    assert ever(Counted.STARTED) == {"": 6}
    assert ever(Counted.ATTEMPT_FAILED) == {"stumble": 2}
    assert ever(Counted.STEP_FAILED) == {"stumble": 1}
    [greeted] = Statistic.objects.filter(grain=Grain.MINUTE, what=Counted.STEP)
    assert (greeted.workflow, greeted.version, greeted.count) == ("tests.greet", 1, 1)
    assert sum(greeted.buckets) == 1
    assert 0 <= greeted.seconds < 10


def test_nothing_is_counted_twice(own: Connection) -> None:
    driven(greet_once, name="Ann")
    let_them_age()
    for _ in range(3):
        count_all(own)

    assert ever(Counted.ENDED) == {"completed": 1}
    assert ever(Counted.STARTED) == {"": 1}


def test_a_line_that_is_committed_late_is_counted(own: Connection) -> None:
    """Its id is lower than that of lines which are counted, were it not waited for."""
    for name in ("Ann", "Bea"):
        start(greet_once, name=name)
    early, late = claim(), claim()
    count = Count()
    with connected() as other, other.transaction():
        other.execute(A_STEP, [late.id, 1])
        with connection.cursor() as cursor:
            cursor.execute(A_STEP, [early.id, 1])
        for _ in range(3):
            count(own)
        assert count.every_seconds() == BETWEEN_LOOKS_SECONDS
        assert ever(Counted.STEP) == {}
    count_all(own)
    count_all(own)

    assert ever(Counted.STEP) == {"slow": 2}


def test_a_run_that_is_committed_late_is_counted(own: Connection) -> None:
    count = Count()
    with connected() as other, other.transaction():
        other.execute(A_RUN)
        with connection.cursor() as cursor:
            cursor.execute(A_RUN)
        for _ in range(3):
            count(own)
        assert ever(Counted.STARTED) == {}
    count_all(own)
    count_all(own)

    assert ever(Counted.STARTED) == {"": 2}


def test_a_transaction_in_another_database_holds_nothing_up(own: Connection) -> None:
    driven(greet_once, name="Ann")
    given: dict[str, Any] = {**connection.get_connection_params(), "dbname": "postgres"}
    for owned_by_django in ("context", "cursor_factory", "prepare_threshold"):
        given.pop(owned_by_django, None)
    with psycopg.connect(**given) as elsewhere_open:
        elsewhere_open.execute("SELECT pg_current_xact_id()")
        count_all(own)

    assert ever(Counted.ENDED) == {"completed": 1}


def test_many_clusters_count_each_thing_once(
    own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "BATCH", 3)
    over = threading.Event()

    def count_on() -> None:
        count = Count()
        with connected() as mine:
            while not over.is_set():
                count(mine)

    clusters = [elsewhere(count_on) for _ in range(3)]
    try:
        for number in range(20):
            start(greet_once, name=str(number))
            drive_until_idle()
    finally:
        over.set()
        for cluster in clusters:
            cluster.result(timeout=30)
    count_all(own)

    assert ever(Counted.ENDED) == {"completed": 20}
    assert sum(ever(Counted.STEP).values()) == 20


def test_a_batch_that_is_cut_off_has_counted_nothing(own: Connection) -> None:
    driven(greet_once, name="Ann")
    count = Count()
    count(own)
    with (
        mock.patch.object(counting, "keep_up", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        while True:
            count(own)
    assert ever(Counted.ENDED) == {}

    count_all(own)

    assert ever(Counted.ENDED) == {"completed": 1}


def test_what_was_there_before_the_statistics_is_not_counted() -> None:
    driven(greet_once, name="Ann")
    with connected() as own:
        Count()(own)
        count_all(own)

    assert ever(Counted.ENDED) == {}


def test_counters_stay_when_runs_are_pruned(own: Connection) -> None:
    ended(greet_once, name="Ann")
    let_them_age()
    count_all(own)

    assert sum(batch.runs for batch in prune(keep_all_for(86_400))) == 1
    count_all(own)

    assert ever(Counted.ENDED) == {"completed": 1}


STEP = Subject(Counted.STEP, "tests.greet", 1, "say")


@override_settings(WORKFLOWS={"keep_statistics": "60d"})
def test_figures_of_short_spans_go_sooner_and_what_is_for_ever_stays(own: Connection) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    places = [Place(Grain.EVER, EPOCH, STEP)]
    for grain in (Grain.MINUTE, Grain.QUARTER, Grain.HOUR, Grain.SIX_HOURS):
        places += [Place(grain, now - timedelta(days=ago), STEP) for ago in (0, 1, 10, 50, 70)]
    add_figures({place: Figure(1) for place in places})

    tidy = Tidy()
    tidy(own)

    left = Counter(Statistic.objects.values_list("grain", flat=True))
    assert left == {
        Grain.EVER: 1,
        Grain.MINUTE: 1,
        Grain.QUARTER: 2,
        Grain.HOUR: 3,
        Grain.SIX_HOURS: 4,
    }
    assert tidy.every_seconds() == statistics.BETWEEN_TIDIES_SECONDS


def test_there_is_one_mark(own: Connection) -> None:
    Count()(own)

    assert StatisticMark.objects.count() == 1
