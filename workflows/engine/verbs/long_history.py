"""Runs whose history grows without end: told once, and stopped at a limit."""

from workflows import signals
from workflows.conf import conf
from workflows.core.errors import DefinitionError
from workflows.engine.session.session import Session

ADVICE = (
    "every drive reads and replays all of them: let the run go on as a new one, run.continue_as_new(…), "
    "now and then"
)


def look(session: Session, position: int, before: int) -> None:
    """Called before a new operation at this position; before: that of the one before it. Raises
    DefinitionError, which blocks the run, where it is one too many."""
    most, many = conf().max_operations, conf().many_operations
    if position > most:
        raise session.unwind(
            DefinitionError(
                f"the run has come to {most:,} operations, the most there may be "
                f'(WORKFLOWS["max_operations"]); {ADVICE}. A larger limit and retry_now let this one go on'
            )
        )
    # The operation before it was not so far along, and nothing is recorded of this one: once a run.
    if before <= many < position and session.history.begun(position) is None:
        signals.history_long.send_robust(
            sender=Session,
            run_id=session.run.id,
            workflow=session.run.workflow,
            operations=position - 1,
        )
