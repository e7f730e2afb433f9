"""A long step says that it lives, and how far it is."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from django.db import DatabaseError, InterfaceError

from workflows import signals
from workflows.conf import conf
from workflows.core.codec import Codec, dumps, loads
from workflows.core.errors import DefinitionError
from workflows.core.kept import refuse_loss
from workflows.core.states import RunState
from workflows.engine.attempts.open_transactions import drop_broken_connection
from workflows.engine.attempts.running_step import Running, beat, running_step
from workflows.engine.session.connection_loss import is_lost
from workflows.store import heartbeats as store
from workflows.store.beat_connection import beat_connection
from workflows.store.database import Connection

_any = Codec()


def heartbeat(details: Any = None) -> None:
    """Say from inside a step that it goes on; details show on the run and at the next attempt.

    A step with heartbeat_seconds that is silent for longer is interrupted. The lease is extended.
    Sent on a connection of its own, so it is seen at once even from an atomic step. Where the
    database does not take it, the step goes on. Raises ValueNotStorable; StepStopped in a step with
    stops_on_cancel=True whose run was cancelled; stops the step when its run belongs to another worker by
    now.
    """
    running = running_step()
    if running is None or running.ended:
        raise DefinitionError("heartbeat() is called from inside a step, while it runs")
    beat(running)
    text = _any.encode(details, max_bytes=conf().max_payload_bytes)
    refuse_loss(details, loads(text), "heartbeat")
    running.details = text
    if running.on_loop is not None:
        running.on_loop.send_beat(partial(_send_for_loop, running))
    elif (why := running.why_stop(_send(running, text))) is not None:
        raise why


def _send(running: Running, text: str) -> RunState | None:
    send = _statement(running, text)
    if running.in_test:  # another connection would not see the run
        return send()
    is_open = running.own is not None
    try:
        return send(on=_connection(running))
    except psycopg.Error as exc:
        lost = is_lost(exc)
        running.drop_own() if lost else running.hang_up()
        if is_open and lost:
            return _send(running, text)  # on another connection, this once
        _tell_unheard(running, exc)
        return RunState.RUNNING
    except BaseException:  # a time limit: the statement may be under way still
        running.drop_own()
        raise


def _send_for_loop(running: Running) -> BaseException | None:
    """Send the newest details, in the drive's thread: no transaction of the step's is open there."""
    assert running.details is not None  # noqa: S101 - there has been a heartbeat
    try:
        return running.why_stop(_statement(running, running.details)())
    except (DatabaseError, InterfaceError) as exc:
        drop_broken_connection()
        _tell_unheard(running, exc)
        return None


def _statement(running: Running, text: str) -> Callable[..., RunState | None]:
    info = running.info
    # What was stored, not what was given: a Decimal is a text by then.
    reached, grew = running.growth.take(
        info.position, loads(text), attempt=running.attempt, now=time.time()
    )
    return partial(
        store.beat,
        run_id=info.run_id,
        attempt=running.attempt,
        position=info.position,
        details=text,
        reached=dumps(reached),
        grew=grew,
        lease_seconds=conf().lease_seconds,
    )


def _tell_unheard(running: Running, error: Exception) -> None:
    signals.heartbeat_unheard.send_robust(
        sender=Running, run_id=running.info.run_id, step=running.info.name, error=error
    )


def _connection(running: Running) -> Connection:
    if running.own is None:
        running.own = beat_connection.join(conf().direct_database)
    return running.own
