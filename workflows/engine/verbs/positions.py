"""Positions: each durable operation of workflow code takes the next, and looks what history has."""

from collections.abc import Mapping
from typing import Any, Self

from workflows.core.decide import Operation, find_outcome, pass_unrecorded
from workflows.core.errors import DefinitionError, ReplayMismatch
from workflows.core.history import HistoryEntry
from workflows.core.lines import child_end, ended_child
from workflows.core.payload_type import NO_TYPES, PayloadType
from workflows.core.run import Fact
from workflows.core.unwind import Drain
from workflows.engine.attempts.running_step import current_step
from workflows.engine.session.code_thread import refuse_event_loop
from workflows.engine.session.session import Session
from workflows.engine.verbs import long_history, waiting
from workflows.engine.verbs.updates import take_updates


class Operations:
    """What the verbs of the context are made of."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def _take(
        self, asked: Operation, names: tuple[str, ...] = ()
    ) -> tuple[int, HistoryEntry | None]:
        """Take the next position; return what history has there. names: of the events that a wait is for."""
        session = self._session
        if session.handlers:
            self._refuse_elsewhere()
            session.check_notes()
            take_updates(session, names)
        position, before = self._next_position(), session.operation
        session.operation = position
        try:
            outcome = find_outcome(session.history, position, asked)
        except ReplayMismatch as mismatch:
            raise session.unwind(mismatch) from None
        if outcome is not None:
            session.now = outcome.at
            return position, outcome
        session.before_new()
        if session.stopping():
            raise session.unwind(Drain())
        long_history.look(session, position, before)
        return position, outcome

    def _next_position(self) -> int:
        self._refuse_elsewhere()
        refuse_event_loop()
        return self._session.next_position()

    def _refuse_elsewhere(self) -> None:
        """Raise DefinitionError where it is not the workflow's own code that uses the run."""
        inside = current_step()
        if inside is not None:
            raise DefinitionError(
                f"a step cannot use the run; return from {inside.name!r} and let the workflow go on"
            )
        self._session.refuse_elsewhere()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def _unrecorded(self, what: str) -> int:
        position = self._next_position()
        try:
            pass_unrecorded(self._session.history, position, Operation(what))
        except ReplayMismatch as mismatch:
            raise self._session.unwind(mismatch) from None
        return position

    def _wait(
        self,
        names: tuple[str, ...],
        seconds: float | None,
        types: Mapping[str, PayloadType] = NO_TYPES,
    ) -> HistoryEntry:
        asked = Operation("wait", ", ".join(sorted(names)))
        while True:
            position, outcome = self._take(asked, names)
            if outcome is not None:
                self._replay_updates(outcome)
                break
            outcome = waiting.wait_event(self._session, position, names, seconds, types)
            if outcome is not None:
                break
            self._give_back()
        child_id = ended_child(outcome)
        if child_id is not None:
            self._session.child_ends[child_id] = child_end(outcome)
        return outcome

    def _replay_updates(self, outcome: HistoryEntry) -> None:
        """Answer again what came while a wait or sleep lasted."""
        if self._session.handlers:
            take_updates(self._session, before=outcome)
            self._session.now = outcome.at

    def _give_back(self) -> None:
        """An update came before anything was written of the position: it goes first."""
        self._session.position -= 1

    def _record(self, fact: Fact) -> None:
        self._session.take_in(self._session.append(fact))
