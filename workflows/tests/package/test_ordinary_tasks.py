"""A project whose Q_CLUSTER runs ordinary tasks keeps it; runcluster takes a cluster of its own."""

import pytest

from workflows.tests.package.stranger import Stranger

pytestmark = pytest.mark.cluster

PROJECT = """
import os
import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    SECRET_KEY="for this file only",
    INSTALLED_APPS=["django_q", "workflows"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "ordinary"}},
    USE_TZ=True,
    Q_CLUSTER={
        "name": "shop",
        "orm": "default",
        "workers": 1,
        "timeout": 60,
        "retry": 120,
        "ALT_CLUSTERS": {"workflows": {"workers": 2}},
    },
)
django.setup()

from django_q.tasks import async_task
from workflows.api import Context, start, step, workflow


@step(atomic=True)
def send_task() -> str:
    return async_task("ordinary.note")


@workflow("ordinary.sender")
def sender(run: Context) -> str:
    return run.step(send_task)


def note() -> str:
    return "noted"


if __name__ == "__main__":
    sys.modules["ordinary"] = sys.modules["__main__"]
    if sys.argv[1:] == ["start"]:
        start(sender, key="one")
    else:
        execute_from_command_line(sys.argv)
"""


def test_each_cluster_has_its_own_queue_and_nobody_complains(stranger: Stranger) -> None:
    stranger.enter("ordinary").append("ordinary.py", PROJECT)
    stranger.type('pip install "django-durable-workflows[binary]" && createdb ordinary')

    said = stranger.type("python -W error ordinary.py migrate && python ordinary.py start")
    stranger.leave_running("python ordinary.py runcluster")
    ended = "SELECT count(*) FROM workflows_run WHERE state = 'completed'"
    stranger.wait_for(lambda: stranger.rows("ordinary", ended) == [(1,)], "the run")

    assert "Retry and timeout are misconfigured" not in said
    assert stranger.rows("ordinary", "SELECT key FROM django_q_ormq") == [("shop",)]
    assert stranger.rows("ordinary", "SELECT count(*) FROM django_q_task") == [(0,)]
    living = "SELECT count(*) FROM workflows_worker"
    assert stranger.rows("ordinary", living) == [(2,)], "its own number of workers"
    started = "A cluster starts: workers 2, workflows 1, database 'ordinary'. Ctrl-C stops it.\n"
    assert stranger.words() == started

    stranger.leave_running("python ordinary.py qcluster")
    done = "SELECT func, success FROM django_q_task"
    stranger.wait_for(lambda: stranger.rows("ordinary", done), "the task")
    assert stranger.rows("ordinary", done) == [("ordinary.note", True)]
