"""Which runs are due: those of code that is here, one probe for each workflow, and those who have come for a
step."""

from typing import NamedTuple

from workflows.core.states import DUE_STATES, RunState
from workflows.store import guests
from workflows.store.statement import STATEMENT_TIME, one_of

# A worker takes only what it has code for.
CODE_IS_HERE = """
    (%(names)s::text[] IS NULL
     OR (workflow, version) IN (SELECT * FROM unnest(%(names)s::text[], %(versions)s::integer[])))
"""
# The states that are not due, instead of those that are: an older release beside this one needs
# run_due_idx, and where the planner may take it, it reads through every due run without code here.
_WAKES = f"wake_at IS NOT NULL AND state NOT IN {one_of(set(RunState) - DUE_STATES)}"
IS_DUE = f"{_WAKES} AND wake_at <= {STATEMENT_TIME}"


def _head(of_those: str) -> str:
    return f"""
        SELECT priority, workflow, version, wake_at FROM workflows_run
        WHERE {_WAKES} {of_those}
        ORDER BY priority DESC, workflow DESC, version DESC, wake_at LIMIT 1
    """


# From the first run of one workflow to that of the next, past all between them: run_turn_idx has
# this order, read backwards.
_HEADS = f"""
    WITH RECURSIVE every_head AS (
        ({_head("")})
        UNION ALL
        SELECT next.* FROM every_head AS head, LATERAL ({
    _head("AND (priority, workflow, version) < (head.priority, head.workflow, head.version)")
}) AS next),
    heads AS (SELECT * FROM every_head WHERE {CODE_IS_HERE})
"""
"""Of each workflow with code here, at each priority, the run that is due first, or will be."""
BEHIND_HEAD = """
    (run.priority, run.workflow, run.version) = (head.priority, head.workflow, head.version)
"""
# A number: with a parameter, which the server knows at each execution only, it plans at each.
_MOST_COUNTED = 1_000
# NO KEY UPDATE lets through the foreign keys' share locks of senders.
LOCKED = "LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"


def _due(of_those: str = "") -> str:
    return f"""
        SELECT FROM workflows_run AS run
        WHERE {of_those} {BEHIND_HEAD} AND {IS_DUE} ORDER BY run.wake_at LIMIT {_MOST_COUNTED}
    """


def _free(of_those: str = "") -> str:
    return f"""
        SELECT id, wake_at, '' AS step_pool FROM workflows_run AS run
        WHERE {of_those} {BEHIND_HEAD} AND {IS_DUE}
        ORDER BY wake_at {LOCKED}
    """


class Form(NamedTuple):
    """What the statements are made of."""

    ctes: str
    heads: str
    """A query: priority, workflow, version, wake_at and step_pool, "" for a run that is in its own."""
    due: str
    """A query for those behind `head` that are due."""
    free: str
    """A query for the one behind `head` that has been due longest, locked."""


OWN = Form(_HEADS, "SELECT *, '' AS step_pool FROM heads", _due(), _free())
_NO_GUEST = "head.step_pool = '' AND"
WITH_GUESTS = Form(
    f"{_HEADS}, {guests.HEADS}",
    """
        SELECT *, '' AS step_pool FROM heads
        UNION ALL SELECT priority, workflow, version, step_due_at, step_pool FROM guests
    """,
    f"""
        ({_due(_NO_GUEST)})
        UNION ALL
        (SELECT FROM workflows_run AS run
         WHERE {guests.behind("head")} AND {BEHIND_HEAD} AND {guests.IS_DUE}
         ORDER BY run.step_due_at LIMIT {_MOST_COUNTED})
    """,
    f"""
        SELECT * FROM ({_free(_NO_GUEST)}) AS own
        UNION ALL SELECT * FROM ({guests.free(BEHIND_HEAD, LOCKED)}) AS guest
    """,
)
"""Also those who have come to a pool that is served here for a step."""
