"""A drive takes what its limits grant, or parks the run until they do."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from workflows.core.errors import DefinitionError
from workflows.core.limit import TENANT, Declared, Limit, Rate, Wanted, key_text
from workflows.core.unwind import Parked
from workflows.engine.session.session import Session
from workflows.store import limits as store

WHOLE_RUN = 0
"""In place of a step's position."""

Values = Callable[[], Mapping[str, Any]]
"""The arguments by name, asked only where a limit goes by one."""


def take_for_run(session: Session, read_input: Callable[[], dict[str, Any]]) -> None:
    """Take the slot of the run as a whole, which it keeps until it ends. Raises Parked, LeaseLost,
    Cancelled, StoreFailed; DefinitionError and what read_input raises where nobody can say whose slot
    it is."""
    limits = session.definition.limits
    if not limits or _is_too_late(session):
        return
    signature = session.definition.signature
    take_or_park(session, WHOLE_RUN, limits, lambda: signature.with_defaults(read_input()))


def _is_too_late(session: Session) -> bool:
    """Whether the deadline ends it: that needs no slot."""
    deadline = session.run.deadline
    return not session.undoing and deadline is not None and session.clock() >= deadline


def take_or_park(
    session: Session,
    position: int,
    limits: tuple[Declared, ...],
    values: Values,
    *,
    until: datetime | None = None,
) -> None:
    """Take what an attempt needs; park the run where it must wait, at the latest until the time given.
    Raises Parked, LeaseLost, Cancelled, StoreFailed, DefinitionError."""
    answer = _ask(session, position, limits, values, parks=True, until=until)
    if not isinstance(answer, store.Taken):
        raise session.unwind(Parked())


def try_to_take(
    session: Session, position: int, limits: tuple[Declared, ...], values: Values
) -> store.Answer:
    """Take what an attempt needs, or say what it must wait for. Raises LeaseLost, Cancelled, StoreFailed,
    DefinitionError."""
    return _ask(session, position, limits, values, parks=False)


def free(session: Session, position: int) -> None:
    """Give back what an attempt has taken. Raises StoreFailed."""
    with session.guarded():
        store.leave(session.run, position)


def _ask(
    session: Session,
    position: int,
    limits: tuple[Declared, ...],
    values: Values,
    *,
    parks: bool,
    until: datetime | None = None,
) -> store.Answer:
    wanted = [_wanted(session, each, values) for each in limits]
    with session.guarded():
        answer = store.take(
            session.run,
            position,
            slots=[each for each in wanted if isinstance(each.rule, Limit)],
            rate=next((each for each in wanted if isinstance(each.rule, Rate)), None),
            parks=parks,
            until=until,
        )
    if isinstance(answer, store.Lost):
        session.look_again()
    return answer


def _wanted(session: Session, limit: Declared, values: Values) -> Wanted:
    by = limit.rule.by
    key = "" if by is None else _key(session, limit.name, by, values())
    return Wanted(name=limit.name, key=key, rule=limit.rule)


def _key(
    session: Session, name: str, by: str | Callable[..., str], given: Mapping[str, Any]
) -> str:
    if isinstance(by, str):
        return key_text(given[by] if by in given or by != TENANT else session.run.tenant)
    try:
        return key_text(by(**given))
    except Exception as exc:
        told = f"limit {name!r}: its by= function raised {type(exc).__name__}: {exc}"
        raise session.remember(DefinitionError(told)) from exc
