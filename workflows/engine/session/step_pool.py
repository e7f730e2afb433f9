"""Where a step runs: in clusters of its pool. Without one, in those of its workflow's."""

from workflows.core.run import Park
from workflows.engine.session.session import Session


def is_here(session: Session, pool: str | None) -> bool:
    """Whether this cluster runs a step of this pool."""
    return session.pools is None or _pool(session, pool) in session.pools


def guest_pool(session: Session, pool: str | None) -> str:
    """Return the pool to which a run goes for a step of this one; "" where that is its own."""
    goes_to = _pool(session, pool)
    return "" if goes_to == session.definition.pool else goes_to


def go_where_it_runs(session: Session, pool: str | None, *, undo: bool) -> None:
    """Park the run where its next step is another cluster's. Raises Suspend."""
    if is_here(session, pool):
        return
    to = guest_pool(session, pool)
    raise session.suspend(
        Park(seconds=0, step_pool=to, waiting_for=waits_for(to), heeds_deadline=not undo)
    )


def waits_for(pool: str) -> tuple[str, ...]:
    """Return the words for what a guest of this pool waits for."""
    return (f"pool {pool}",) if pool else ()


def _pool(session: Session, pool: str | None) -> str:
    return pool or session.definition.pool
