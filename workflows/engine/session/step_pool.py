"""Where a step runs: in clusters of its pool. Without one, in those of its workflow's."""

from workflows.core.run import Park
from workflows.definitions.step import StepDefinition
from workflows.engine.session.session import Session


def is_here(session: Session, step: StepDefinition) -> bool:
    """Whether this cluster runs the step."""
    return session.pools is None or _pool(session, step) in session.pools


def guest_pool(session: Session, step: StepDefinition) -> str:
    """Return the pool to which a run goes for this step; "" where that is its own."""
    pool = _pool(session, step)
    return "" if pool == session.definition.pool else pool


def go_where_it_runs(session: Session, step: StepDefinition, *, undo: bool) -> None:
    """Park the run where its next step is another cluster's. Raises Suspend."""
    if is_here(session, step):
        return
    pool = guest_pool(session, step)
    raise session.suspend(
        Park(seconds=0, step_pool=pool, waiting_for=waits_for(pool), heeds_deadline=not undo)
    )


def waits_for(pool: str) -> tuple[str, ...]:
    """Return the words for what a guest of this pool waits for."""
    return (f"pool {pool}",) if pool else ()


def _pool(session: Session, step: StepDefinition) -> str:
    return step.pool or session.definition.pool
