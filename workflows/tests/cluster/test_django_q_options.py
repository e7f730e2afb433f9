"""A cluster's options are in force in this process; what travels with ordinary tasks stays."""

import pytest
from django_q.conf import Conf

from workflows.cluster import django_q_options
from workflows.q_cluster import cluster_settings


def test_every_option_is_one_that_django_q2_reads() -> None:
    for attribute in django_q_options.ATTRIBUTES.values():
        assert hasattr(Conf, attribute), attribute


def test_options_are_in_force_and_what_travels_with_tasks_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for attribute in django_q_options.ATTRIBUTES.values():
        monkeypatch.setattr(Conf, attribute, getattr(Conf, attribute))
    before = (Conf.BROKER_CLASS, Conf.ORM, Conf.PREFIX, Conf.CLUSTER_NAME, Conf.ACK_FAILURES)

    django_q_options.use(cluster_settings(workers=3, name="shop", ack_failures=False))

    assert (Conf.WORKERS, Conf.SCHEDULER, Conf.SAVE_LIMIT) == (3, False, -1)
    after = (Conf.BROKER_CLASS, Conf.ORM, Conf.PREFIX, Conf.CLUSTER_NAME, Conf.ACK_FAILURES)
    assert after == before


def test_workers_are_not_renewed_by_a_projects_own_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for attribute in django_q_options.ATTRIBUTES.values():
        monkeypatch.setattr(Conf, attribute, getattr(Conf, attribute))
    monkeypatch.setattr(Conf, "RECYCLE", 500)  # as a Q_CLUSTER for ordinary tasks has it
    monkeypatch.setattr(Conf, "DAEMONIZE_WORKERS", True)

    django_q_options.use(cluster_settings())

    assert cluster_settings()["recycle"] == Conf.RECYCLE > 1_000_000
    assert Conf.DAEMONIZE_WORKERS is False
