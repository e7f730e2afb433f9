"""What django-q2 is told, by a project with a Q_CLUSTER, without one, and with one for tasks."""

import inspect
import re
from typing import Any

import pytest
from django_q import conf as django_q_conf

from workflows.q_cluster import BROKER, OPTIONS, cluster_settings, option_fault, own_cluster


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"worker": 3}, "there is no option 'worker'; did you mean 'workers'?"),
        ({"colour": 3}, "there is no option 'colour'"),
        ({5: 3}, "there is no option 5"),
        ({"workers": 0}, "'workers' is 0; give a whole number from 1 to 1000"),
        ({"log_level": "LOUD"}, "'log_level' is 'LOUD'; give the name of a level"),
        ({"guard_cycle": -1}, "'guard_cycle' is -1; give a number of seconds above 0"),
        ({"queue_limit": "x"}, "'queue_limit' is 'x'; give a whole number above 0"),
        ({"timeout": "5"}, "'timeout' is '5'; give seconds above 0, or None"),
        ({"timeout": None, "log_level": "INFO", "name": "shop"}, ""),
        (cluster_settings(), ""),
    ],
)
def test_an_option_that_a_cluster_of_runs_cannot_have_is_told(
    options: dict[Any, Any], words: str
) -> None:
    assert option_fault(options).startswith(words)
    assert bool(option_fault(options)) is bool(words)


def test_a_misspelled_option_is_not_passed_over_in_silence() -> None:
    with pytest.raises(ValueError, match="no option 'worker'; did you mean 'workers'"):
        cluster_settings(worker=3)


def test_the_options_are_those_that_django_q2_asks_for() -> None:
    asked = set(re.findall(r'conf\.(?:get|pop)\(\s*"(\w+)"', inspect.getsource(django_q_conf)))

    assert asked == OPTIONS
