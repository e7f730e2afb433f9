"""The steps of a process share one connection for their heartbeats."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from workflows.store import lent_connections
from workflows.store.beat_connection import BeatConnection
from workflows.tests.builders import END_OWN_SESSION

pytestmark = pytest.mark.django_db


@pytest.fixture
def beats() -> Iterator[BeatConnection]:
    """Return a connection for heartbeats, in a process that lends connections."""
    lent_connections.begin(1)
    beats = BeatConnection()
    yield beats
    own = beats._own
    if own is not None:
        own.close()
    lent_connections.end()


def test_steps_at_the_same_time_share_it(beats: BeatConnection) -> None:
    assert beats.join() is beats.join()


def test_it_stays_open_for_the_next_step_and_is_closed_when_nobody_comes(
    beats: BeatConnection,
) -> None:
    own = beats.join()
    beats.close_idle(0)
    beats.leave(own)
    beats.close_idle()
    assert beats.join() is own

    beats.leave(own)
    beats.close_idle(0)

    assert own.closed


def test_it_is_not_closed_under_a_step_that_goes_on(beats: BeatConnection) -> None:
    own = beats.join()
    beats.leave(beats.join())

    beats.close_idle(0)

    assert not own.closed


def test_where_nobody_looks_after_it_it_is_closed_with_the_last_step(beats: BeatConnection) -> None:
    lent_connections.end()
    own = beats.join()

    beats.leave(own)

    assert own.closed


def test_a_broken_one_is_not_used_again(beats: BeatConnection) -> None:
    broken = beats.join()
    with pytest.raises(psycopg.OperationalError):
        broken.execute(END_OWN_SESSION)

    other = beats.join()
    beats.leave(broken)

    assert other is not broken
    assert beats.join() is other


def test_a_child_opens_one_of_its_own(beats: BeatConnection) -> None:
    own = beats.join()
    child = os.fork()
    if child == 0:
        beats.forget()
        os._exit(0 if beats.join() is not own else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert own.execute("SELECT 1").fetchall() == [(1,)]
