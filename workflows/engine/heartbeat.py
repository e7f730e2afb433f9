"""A long step says that it lives, and how far it is."""

import os
from typing import Any

from workflows.conf import conf
from workflows.core.codec import Codec
from workflows.core.errors import DefinitionError, LeaseLost
from workflows.core.run import StepInfo
from workflows.engine.current import running_step
from workflows.store import heartbeats as store
from workflows.store.workers import Connection, open_connection

_any = Codec()
_own: tuple[int, Connection] | None = None


def heartbeat(details: Any = None) -> None:
    """Say from inside a step that it goes on; details show on the run and at the next attempt.

    A step with heartbeat_seconds that is silent for longer is interrupted. The lease is extended.
    Sent on a connection of its own, so it is seen at once even from an atomic step. Raises
    ValueNotStorable; stops the step when its run belongs to another worker by now.
    """
    running = running_step()
    if running is None:
        raise DefinitionError("heartbeat() is called from inside a step")
    running.limit.beat()
    text = _any.encode(details, max_bytes=conf().max_payload_bytes)
    running.details = text
    if not _send(running.info, running.attempt, text, visible_only_here=running.in_test):
        raise LeaseLost


def _send(info: StepInfo, attempt: int, text: str, *, visible_only_here: bool) -> bool:
    values = [info.position, text, conf().lease_seconds, info.run_id, attempt]
    if visible_only_here:  # a test's transaction: another connection would not see the run
        return store.beat_here(values)
    return store.beat(_connection(), values)


def _connection() -> Connection:
    global _own
    if _own is None or _own[0] != os.getpid() or _own[1].closed or _own[1].broken:
        own = open_connection()
        # A step that locks its own run's row would wait for itself.
        own.execute("SET lock_timeout = '5s'")
        _own = (os.getpid(), own)
    return _own[1]
