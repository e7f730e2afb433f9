"""A psycopg connection that waits no longer than the thread's budget lasts.

Neither `statement_timeout` nor `tcp_user_timeout` notices a server that is frozen: the one is
watched by the server itself, and for the other the kernel goes on acknowledging.
"""

import select
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg.abc import PQGen, PQGenConn
from psycopg.rows import Row

from toolsite.postgresql.budget import NoAnswer, Result, current, within

LOOK_EVERY_SECONDS = 0.05
JUST_NOW_SECONDS = 1.0


class TimedConnection(psycopg.Connection[Row]):
    """Used by all processes of the site; only threads with a budget notice it."""

    heard_at: float = -JUST_NOW_SECONDS
    """When the server last answered a thread with a budget."""

    @classmethod
    def _connect_gen(cls, *args: Any, **kwargs: Any) -> PQGenConn[Self]:
        wait = super()._connect_gen(*args, **kwargs)
        budget = current()
        return wait if budget is None else within(budget, wait)

    def wait(self, gen: PQGen[Result], *args: Any, **kwargs: Any) -> Result:
        """Wait as psycopg does; close the connection where the answer does not come in time.

        Raises NoAnswer. Cancelling is no way out: a frozen server does not hear of it.
        """
        budget = current()
        if budget is None:
            return super().wait(gen, *args, **kwargs)
        try:
            budget.check(0)
            answer = super().wait(within(budget, gen), interval=LOOK_EVERY_SECONDS)
        except NoAnswer:
            self.pgconn.finish()
            raise
        self.heard_at = monotonic()
        return answer

    def answered_just_now(self) -> bool:
        """Say whether the server has answered a moment ago and has not hung up since.

        A server that ends a session, or dies, closes the socket: then there is something to read.
        """
        if self.closed or monotonic() - self.heard_at > JUST_NOW_SECONDS:
            return False
        socket = select.poll()
        socket.register(self.fileno(), select.POLLIN)
        return not socket.poll(0)
