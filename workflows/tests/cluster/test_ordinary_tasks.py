"""django-q2's own tasks: refused by the cluster of runs, done by a cluster of their own."""

from collections.abc import Sequence

import pytest
from django_q.tasks import async_task

from workflows.tests.cluster.lab import Cluster, Lab, rows, wait_for

pytestmark = pytest.mark.cluster

WRITE_DOWN = "workflows.tests.cluster.ordinary.write_down"


class TaskCluster(Cluster):
    """django-q2's own cluster, with its own broker."""

    def command(self) -> Sequence[str]:
        """Return what manage.py is told."""
        return ["qcluster"]

    def environment(self) -> dict[str, str]:
        """Return what else the processes find in their environment."""
        return {"Q_CLUSTER_NAME": "tasks"}


@pytest.mark.parametrize("cluster", [None, "toolsite", "taks"])
def test_an_ordinary_task_without_a_cluster_of_its_own_is_refused(cluster: str | None) -> None:
    with pytest.raises(RuntimeError) as refused:
        async_task(WRITE_DOWN, "nowhere", "nothing", cluster=cluster)

    assert "drives workflow runs" in str(refused.value)
    assert 'async_task(..., cluster="tasks")' in str(refused.value)


def test_an_ordinary_task_is_done_by_the_cluster_for_tasks(lab: Lab) -> None:
    lab.cluster(kind=TaskCluster)
    note = lab.folder / "note"

    async_task(WRITE_DOWN, str(note), "done", cluster="tasks")

    wait_for(note.exists, "the task to be done", lab.clusters[0].words)
    wait_for(lambda: rows("SELECT count(*) FROM django_q_ormq") == [(0,)], "an empty queue")
    wait_for(lambda: rows("SELECT success FROM django_q_task") == [(True,)], "its result")
