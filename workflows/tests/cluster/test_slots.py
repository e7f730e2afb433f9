"""The threads of a worker's slots, without a cluster."""

import threading

import pytest
from django.db import connections

from workflows.cluster import slot_threads
from workflows.cluster.slot_threads import Slots


def test_a_thread_that_ends_closes_its_connections_to_all_databases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worked, closed = list[threading.Thread](), list[threading.Thread]()
    monkeypatch.setattr(slot_threads, "NAP_SECONDS", 0.05)
    monkeypatch.setattr(connections, "close_all", lambda: closed.append(threading.current_thread()))

    Slots(1, lambda: worked.append(threading.current_thread())).serve()

    worked[0].join(30)
    assert closed == worked
