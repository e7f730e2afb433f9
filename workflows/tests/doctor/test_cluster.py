"""Faults of clusters and clocks: each is made and found."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.core import checks
from django.core.checks import Error as CheckError
from django.test import override_settings
from django.utils import timezone

from workflows.api import start
from workflows.doctor import cluster
from workflows.doctor.finding import NotLookedAt, Severity
from workflows.models import Run, Worker
from workflows.store.guests import Guests
from workflows.store.queue import Code
from workflows.store.workers import enlist, living_workers
from workflows.tests.builders import connected, until
from workflows.tests.flows import GPU, greet_once

HERE = Code(["tests.greet"], [1], Guests(["default"], [], []))
OLDER = Code(["tests.other"], [1], Guests(["default"], [], []))


@contextmanager
def living(*codes: Code) -> Iterator[None]:
    """Let workers live that have this code, each on a host of its own."""
    with connected() as own:
        for number, code in enumerate(codes):
            enlist(own, host=f"host{number}", pid=7, code=code)
        yield


@pytest.mark.django_db
def test_without_workers_what_is_due_stands_still() -> None:
    until(lambda: living_workers() == 0)  # those of other tests

    [idle] = cluster.workers()
    start(greet_once, name="Ann")
    [found] = cluster.workers()

    assert (idle.severity, found.severity) == (Severity.WARNING, Severity.ERROR)
    assert found.sentence == "no worker lives, and 1 runs are due"


@pytest.mark.usefixtures("committed")
def test_a_worker_that_lives_is_well() -> None:
    with living(HERE):
        assert list(cluster.workers()) == []
        assert list(cluster.silent()) == []


@pytest.mark.django_db
def test_a_worker_that_shows_no_life_is_told() -> None:
    Worker.objects.all().delete()  # tests that commit leave theirs behind
    Worker.objects.create(host="there", pid=8, started_at=timezone.now() - timedelta(hours=3))

    [found] = cluster.silent()

    assert found.sentence == "the worker there:8 shows no life, and began 3 h ago"


@pytest.mark.usefixtures("committed")
def test_workers_with_different_code_are_told() -> None:
    with living(HERE, HERE):
        assert list(cluster.code_versions()) == []
    with living(HERE, OLDER):
        [found] = cluster.code_versions()

    assert "tests.greet version 1, tests.other version 1" in found.sentence
    assert "host0; host1" in found.sentence


@pytest.mark.usefixtures("committed")
def test_a_pool_that_nobody_serves_is_told() -> None:
    with living(HERE):
        told = [each.advice for each in cluster.pools()]

    assert f"Start a cluster for it: `manage.py runcluster --pool {GPU}`." in told
    assert not any("--pool default" in each for each in told)


@pytest.mark.usefixtures("committed")
def test_due_runs_whose_code_nobody_has_are_an_error() -> None:
    run = start(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(wake_at=timezone.now() - timedelta(minutes=1))
    with living(HERE):
        assert list(cluster.missing_code()) == []
    with living(OLDER):
        [found] = cluster.missing_code()

    assert found.severity == Severity.ERROR
    assert "1 runs of tests.greet version 1 are due" in found.sentence


@pytest.mark.django_db
def test_wrong_settings_are_told_as_the_checks_do() -> None:
    mistake = CheckError("wrong", hint="mend it", id="workflows.E001")
    others = CheckError("not ours", id="shop.E001")
    with mock.patch.object(checks, "run_checks", return_value=[mistake, others]):
        [found] = cluster.settings()

    assert (found.sentence, found.advice) == ("workflows.E001: wrong", "mend it")


@pytest.mark.django_db
@override_settings(Q_CLUSTER={"broker_class": "workflows.nobody"})
def test_a_wrong_q_cluster_is_an_error() -> None:
    told = [each for each in cluster.settings() if each.sentence.startswith("workflows.E006")]

    assert [each.severity for each in told] == [Severity.ERROR]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("apart", "severity", "words"),
    [
        (timedelta(seconds=10), Severity.WARNING, "behind"),
        (timedelta(minutes=-5), Severity.ERROR, "ahead of"),
    ],
)
def test_clocks_that_are_apart_are_told(apart: timedelta, severity: Severity, words: str) -> None:
    with mock.patch.object(cluster, "host_clock", lambda: datetime.now(UTC) + apart):
        [found] = cluster.clocks()

    assert found.severity == severity and words in found.sentence


@pytest.mark.django_db
def test_clocks_of_one_host_agree() -> None:
    assert list(cluster.clocks()) == []


@pytest.mark.django_db
def test_where_no_worker_says_what_it_has_nothing_is_called_well() -> None:
    for look in (cluster.code_versions, cluster.pools, cluster.missing_code):
        with pytest.raises(NotLookedAt, match="no living worker says"):
            list(look())


@pytest.mark.usefixtures("committed")
def test_workers_of_an_older_release_say_nothing_of_pools() -> None:
    with living(Code(["tests.greet"], [1])), pytest.raises(NotLookedAt, match="older release"):
        list(cluster.pools())
