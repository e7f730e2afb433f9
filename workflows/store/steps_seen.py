"""Steps seen under way, in SQL: told by a cluster, shown on a run's row, kept in lines, put into words."""

from collections.abc import Sequence
from typing import Any

from workflows.core.line_fields import sql_object
from workflows.core.running_steps import HeldRun, as_json
from workflows.store.statement import NOW


def told_of_runs() -> str:
    """Return the table `told` (run_id, run_attempt, steps, cause, company), as SQL. Parameters: told_params."""
    return """
        (SELECT run_id, run_attempt, steps::jsonb AS steps, cause, company
         FROM unnest(%(told_runs)s::uuid[], %(told_attempts)s::integer[], %(told_steps)s::text[],
                     %(told_causes)s::text[], %(told_company)s::integer[])
              AS each (run_id, run_attempt, steps, cause, company)) AS told"""


def told_params(
    held: Sequence[HeldRun],
    causes: Sequence[str | None] | None = None,
    company: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Return the parameters. Of each: causes, why its worker was lost, where the cluster knows; company,
    beside how many others it was driven."""
    return {
        "told_runs": [run.run_id for run in held],
        "told_attempts": [run.attempt for run in held],
        "told_steps": [as_json(run.steps) for run in held],
        "told_causes": list(causes) if causes is not None else [None] * len(held),
        "told_company": list(company) if company is not None else [0] * len(held),
    }


def sql_steps(told: str) -> str:
    """Return the SQL of steps with the time of their begin; null where there are none. told: SQL of
    what as_json made."""
    since = f"{NOW} - (each->>'age')::float8 * interval '1 second'"
    return f"""
        (SELECT jsonb_agg((each - 'age') || {sql_object("step", {"since"}, {"since": since})})
         FROM jsonb_array_elements({told}) AS each)"""


def sql_shown(*, attempt: str, steps: str) -> str:
    """Return the SQL of what a run's row shows; null where it is in no step."""
    shown = {"attempt": attempt, "steps": steps}
    return f"CASE WHEN {steps} IS NOT NULL THEN {sql_object('row', shown.keys(), shown)} END"


def sql_steps_shown(column: str, *, attempt: str) -> str:
    """Return the SQL of the steps that a run's row shows, if they are of this attempt."""
    return f"CASE WHEN ({column}->>'attempt')::integer = {attempt} THEN {column}->'steps' END"


def sql_words(steps: str, *, worker: str) -> str:
    """Return the SQL of the words that say in which steps a worker was: `, in step …`; where none is
    known, its host and pid; nothing where nobody knows the worker."""
    began = "to_char((each->>'since')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    return f"""
        coalesce((SELECT ', in ' || string_agg(format(
            '%%s %%L (position %%s, attempt %%s, begun %%s UTC on host %%s, pid %%s)',
            CASE WHEN (each->>'undo')::boolean THEN 'compensation' ELSE 'step' END,
            each->>'name', each->>'position', each->>'attempt', {began}, each->>'host',
            each->>'pid'), ' and ') FROM jsonb_array_elements({steps}) AS each),
            (SELECT format(', on host %%s, pid %%s', host, pid) FROM workflows_worker
             WHERE id = {worker}), '')"""
