"""Where the runs of a workflow stand. What is looked at is bounded: the newest runs, on their index."""

from workflows.core.codec import loads
from workflows.core.crowd import Standing, StepFigures
from workflows.core.history import OPERATION, HistoryKind
from workflows.core.line_fields import NAMES, SECONDS
from workflows.core.states import FINAL_STATES
from workflows.store.database import query
from workflows.store.statement import Statement, one_of

LOOK_AT_MOST = 10_000
"""Runs of the workflow, the newest: for where they stand."""
FIGURES_OF_MOST = 500
"""The same, for durations and failures."""
LINES_OF_MOST = 200
"""Ends of steps of one of these. The limit also keeps the planner from reading all of history at once."""

_ = HistoryKind
_OPERATIONS = one_of(
    kind.value for kind, what in OPERATION.items() if what not in ("status", "patch")
)
# run_workflow_idx gives the newest; history_once the last line of each that is open, backwards.
_STANDINGS = Statement(
    f"""
    SELECT line.kind, line.names, count(*)
    FROM (SELECT id, version, state FROM workflows_run WHERE workflow = %s
          ORDER BY created_at DESC LIMIT {LOOK_AT_MOST}) AS run,
         LATERAL (
             SELECT kind, coalesce(data->'{NAMES.name}', jsonb_build_array(name)) AS names
             FROM workflows_history AS each
             WHERE each.run_id = run.id AND position IS NOT NULL AND kind IN {_OPERATIONS}
             ORDER BY position DESC, part DESC LIMIT 1) AS line
    WHERE run.version = %s AND run.state NOT IN {one_of(FINAL_STATES)}
    GROUP BY line.kind, line.names
    """
)
_COMPLETED, _FAILED = _.STEP_COMPLETED.value, _.STEP_FAILED.value
_FIGURES = Statement(
    f"""
    SELECT line.name,
           count(*) FILTER (WHERE kind = '{_COMPLETED}'),
           count(*) FILTER (WHERE kind = '{_FAILED}'),
           coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY (data->>'{SECONDS.name}')::float)
                    FILTER (WHERE kind = '{_COMPLETED}'), 0)
    FROM (SELECT id, version FROM workflows_run WHERE workflow = %s
          ORDER BY created_at DESC LIMIT {FIGURES_OF_MOST}) AS run,
         LATERAL (
             SELECT name, kind, data FROM workflows_history AS each
             WHERE each.run_id = run.id AND kind IN {one_of((_COMPLETED, _FAILED))}
             LIMIT {LINES_OF_MOST}) AS line
    WHERE run.version = %s
    GROUP BY line.name ORDER BY line.name
    """
)


def load_standings(workflow: str, version: int) -> list[Standing]:
    """Return where the open runs of a version stand, of the newest runs of its workflow."""
    return [
        Standing(kind=HistoryKind(kind), names=tuple(loads(names)), runs=runs)
        for kind, names, runs in query(_STANDINGS, (workflow, version))
    ]


def load_step_figures(workflow: str, version: int) -> list[StepFigures]:
    """Return how the steps went in the newest runs of a workflow."""
    return [
        StepFigures(name=name, completed=completed, failed=failed, seconds=seconds)
        for name, completed, failed, seconds in query(_FIGURES, (workflow, version))
    ]
