"""manage.py runcluster says at once what it starts with."""

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from workflows.definitions.step import count_steps
from workflows.engine.served_code import code_here, serve
from workflows.management.commands import runcluster
from workflows.q_cluster import cluster_settings
from workflows.store.queue import Code
from workflows.tests.flows import GPU


@pytest.fixture(autouse=True)
def served_as_before() -> Iterator[None]:
    yield
    serve(None)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Return what is said; a cluster that would start must find it there already."""
    told = StringIO()

    def run_cluster(options: Mapping[str, Any]) -> None:
        told.write(f"{options['workers']} of them run")

    monkeypatch.setattr(runcluster, "run_cluster", run_cluster)
    return told


def test_workers_workflows_and_database_are_said_before_the_cluster_runs(said: StringIO) -> None:
    with override_settings(Q_CLUSTER=cluster_settings(workers=3)):
        call_command("runcluster", stdout=said, skip_checks=True)

    start, end = said.getvalue().splitlines()
    assert start.startswith("A cluster starts: workers 3, workflows ")
    assert start.endswith(f", database {connection.settings_dict['NAME']!r}. Ctrl-C stops it.")
    assert end == "3 of them run"


def test_a_code_base_without_workflows_shows(
    said: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runcluster, "code_here", lambda: Code(["workflows.action"], [1]))

    call_command("runcluster", stdout=said, skip_checks=True)

    assert ", workflows 0, " in said.getvalue()


def test_the_pools_that_it_serves_are_said_and_no_others_are_driven(said: StringIO) -> None:
    call_command("runcluster", "--pool", GPU, stdout=said, skip_checks=True)

    assert f", pools {GPU}, workflows 1, steps {count_steps({GPU})}, " in said.getvalue()
    assert code_here().names == ["tests.on_a_card"]


def test_a_pool_that_no_workflow_has_is_refused(said: StringIO) -> None:
    with pytest.raises(CommandError, match=f"pool 'tests_gpuu'; did you mean '{GPU}'?"):
        call_command("runcluster", "--pool", "tests_gpuu", stdout=said, skip_checks=True)

    assert said.getvalue() == ""


def test_verbosity_0_says_nothing(said: StringIO) -> None:
    call_command("runcluster", stdout=said, verbosity=0, skip_checks=True)

    assert said.getvalue().endswith("of them run")
    assert "A cluster starts" not in said.getvalue()
