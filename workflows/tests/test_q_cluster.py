"""What django-q2 is told, by a project with a Q_CLUSTER, without one, and with one for tasks."""

from typing import Any

import pytest

from workflows.q_cluster import BROKER, cluster_settings, own_cluster


def test_a_cluster_of_runs_has_the_workers_and_names_asked_for() -> None:
    given = cluster_settings(workers=3, name="shop")

    assert (given["workers"], given["name"], given["broker_class"]) == (3, "shop", BROKER)
    assert given["retry"] > given["timeout"], "django-q2 would complain"


@pytest.mark.parametrize("workers", [0, -1, 1001, True, 2.5, "8", None])
def test_workers_are_a_whole_number(workers: Any) -> None:
    with pytest.raises(ValueError, match="give a whole number from 1 to 1000"):
        cluster_settings(workers=workers)


@pytest.mark.parametrize(
    ("q_cluster", "workers"),
    [
        (None, 8),
        (cluster_settings(workers=3), 3),
        ({"broker_class": BROKER, "workers": 5}, 5),
        ({"name": "shop", "orm": "default", "workers": 5}, 8),
        ({"orm": "default", "ALT_CLUSTERS": {"workflows": {"workers": 2}}}, 2),
        ({"orm": "default", "ALT_CLUSTERS": {"tasks": {"workers": 2}}}, 8),
    ],
)
def test_runcluster_takes_a_cluster_of_its_own(
    q_cluster: dict[str, Any] | None, workers: int
) -> None:
    own = own_cluster(q_cluster)

    assert own["workers"] == workers
    assert (own["save_limit"], own["scheduler"]) == (-1, False)
