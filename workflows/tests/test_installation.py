"""What is missing around the engine is told in one sentence by `manage.py check`."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import override_settings

from workflows import installation
from workflows.installation import (
    check_cluster,
    check_django_q,
    check_name,
    check_server,
    check_templates,
)
from workflows.q_cluster import cluster_settings


def test_this_project_lacks_nothing() -> None:
    assert check_django_q() + check_cluster() + check_name() + check_templates() == []


def test_a_project_without_django_q_is_told() -> None:
    theirs = SimpleNamespace(INSTALLED_APPS=["workflows"])

    with mock.patch("workflows.installation.settings", theirs):
        [error] = check_django_q()

    assert (error.id, error.msg) == ("workflows.E005", "'django_q' is not in INSTALLED_APPS")


def test_a_cluster_does_not_start_without_django_q() -> None:
    project = (
        "from django.conf import settings; from django.core.management import "
        "execute_from_command_line as run; import django; settings.configure(SECRET_KEY='x', "
        "INSTALLED_APPS=['workflows'], USE_TZ=True, DATABASES={'default': {'ENGINE': "
        "'django.db.backends.postgresql', 'NAME': 'nowhere'}}); django.setup(); "
        "run(['manage.py', 'runcluster'])"
    )

    started = subprocess.run(
        [sys.executable, "-c", project], capture_output=True, text=True, timeout=60, check=False
    )

    assert started.returncode == 1
    assert "(workflows.E005) 'django_q' is not in INSTALLED_APPS" in started.stderr
    assert "Traceback" not in started.stderr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("orm", "give a dictionary"),
        ({"broker_class": "workflows.cluster.RunBroker"}, "which does not exist"),
        ({"orm": "default", "ALT_CLUSTERS": {"workflows": 8}}, "must have dictionaries"),
        ({"orm": "default", "ALT_CLUSTERS": ["workflows"]}, "must have dictionaries"),
        (
            {"orm": "default", "ALT_CLUSTERS": {"workflows": {"worker": 2}}},
            "there is no option 'worker'; did you mean 'workers'?",
        ),
        ({**cluster_settings(), "guard_cicle": 1}, "did you mean 'guard_cycle'?"),
        ({"orm": "default", "ALT_CLUSTERS": {"workflows": {"workers": "2"}}}, "'workers' is '2'"),
        ({"orm": "default", "ALT_CLUSTERS": {"workflows": {"workers": 0}}}, "'workers' is 0"),
    ],
)
def test_a_cluster_that_runs_cannot_use_is_refused(given: Any, words: str) -> None:
    with override_settings(Q_CLUSTER=given):
        [error] = check_cluster()

    assert error.id == "workflows.E006"
    assert words in error.msg
    assert "workflows.cluster_settings(workers=8)" in str(error.hint)


@pytest.mark.parametrize(
    "given",
    [
        cluster_settings(),
        {"name": "shop", "orm": "default"},
        {"name": "shop", "redis": {"host": "cache"}},
        {"broker_class": "shop.queue.Broker", "ALT_CLUSTERS": {"workflows": {"workers": 2}}},
        {"orm": "default", "ALT_CLUSTERS": {"workflows": cluster_settings(workers=2)}},
        cluster_settings(cpu_affinity=1, max_rss=100_000, save_limit_per="func", label="Shop"),
    ],
)
def test_clusters_of_runs_and_of_ordinary_tasks_pass(given: dict[str, Any]) -> None:
    with override_settings(Q_CLUSTER=given):
        assert check_cluster() == []


@pytest.mark.parametrize("given", [None, {}, {"name": "shop", "workers": 4}])
def test_a_cluster_without_a_queue_is_told(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "find_spec", lambda name: None)

    with override_settings(Q_CLUSTER=given):
        [warning] = check_cluster()

    assert warning.id == "workflows.W010"


def test_where_redis_is_installed_a_cluster_without_a_queue_has_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        installation, "find_spec", lambda name: object() if name == "redis" else None
    )

    with override_settings(Q_CLUSTER={"name": "shop", "workers": 4}):
        assert check_cluster() == []


@pytest.mark.django_db
def test_a_postgresql_that_is_too_old_stops_the_migration() -> None:
    assert check_server(databases=["default"]) == []

    with (
        mock.patch.object(connection, "pg_version", 140_011),
        pytest.raises(SystemCheckError, match=r"workflows\.E007.*is PostgreSQL 14"),
    ):
        call_command("check", databases=["default"])


def test_the_server_is_asked_only_where_a_database_may_be() -> None:
    assert check_server(databases=None) == []


def test_another_distribution_of_our_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"workflows": ["django-durable-workflows", "llama-index-workflows"]}
    monkeypatch.setattr(installation, "packages_distributions", lambda: both)

    [error] = check_name()

    assert error.id == "workflows.E008"
    assert "the distribution llama-index-workflows also installs" in error.msg
    assert "pip uninstall django-durable-workflows llama-index-workflows" in str(error.hint)


@pytest.mark.parametrize(
    "q_cluster",
    [
        {"orm": "default", "ALT_CLUSTERS": {"workflows": {"workers": 0}}},
        {**cluster_settings(), "workers": 0},
    ],
)
def test_a_cluster_that_would_drive_nothing_is_told(q_cluster: dict[str, Any]) -> None:
    with override_settings(Q_CLUSTER=q_cluster):
        [error] = check_cluster()

    assert error.id == "workflows.E006"
    assert error.msg.startswith("Q_CLUSTER cannot be used for runs: 'workers' is 0; give a whole")


def test_a_project_that_cannot_find_the_engines_templates_is_told() -> None:
    engine = "django.template.backends.django.DjangoTemplates"
    with override_settings(TEMPLATES=[{"BACKEND": engine, "DIRS": [], "APP_DIRS": False}]):
        [warning] = check_templates()

    assert warning.id == "workflows.W011"
    assert "'workflows/confirm.html' cannot be found" in warning.msg
    assert "'APP_DIRS': True" in str(warning.hint)


def test_a_project_without_an_admin_needs_no_templates() -> None:
    with override_settings(INSTALLED_APPS=["workflows", "django_q"], TEMPLATES=[]):
        assert check_templates() == []
