"""What must hold of the tables at every instant, as queries that find the rows where it does not.

I2 one outcome for each position, never rewritten. I3 every write under the newest attempt. I4 one
end, for good. I6 one run for each key. I7 an atomic step's effect and record are one; others run at
least once. I8 positions in order. I9 an event is consumed once, with its line. I11 children are started once and
end before their parents. I12 no run that
nobody would find. Constraints and triggers keep some of these too; they could be dropped.
"""

from workflows.tests.cluster.lab import rows

HELD = "('running', 'cancelling')"
OVER = "('completed', 'failed', 'cancelled')"

BREACHES = {
    "I2 a position has two outcomes": """
        SELECT run_id, position FROM workflows_history WHERE position IS NOT NULL AND part = 0
        GROUP BY run_id, position HAVING count(*) > 1""",
    "I2 the same fact twice": """
        SELECT run_id, position, part FROM workflows_history WHERE position IS NOT NULL
        GROUP BY run_id, position, part HAVING count(*) > 1""",
    "I2 a line was rewritten": """
        SELECT id FROM workflows_history WHERE xmax::text <> '0'""",
    "I3 an older attempt wrote after a newer one": """
        SELECT id FROM (
            SELECT id, attempt,
                   max(attempt) OVER (PARTITION BY run_id ORDER BY id) AS newest
            FROM workflows_history) AS line
        WHERE attempt < newest""",
    "I3 a line names an attempt that never was": """
        SELECT line.id FROM workflows_history AS line JOIN workflows_run AS run ON run.id = run_id
        WHERE line.attempt > run.attempt""",
    "I4 more or fewer than one end": f"""
        SELECT run.id FROM workflows_run AS run
        LEFT JOIN workflows_history AS line ON line.run_id = run.id
             AND line.kind IN ('run_completed', 'run_failed', 'run_cancelled')
        GROUP BY run.id HAVING count(line.id) <> (CASE WHEN run.state IN {OVER} THEN 1 ELSE 0 END)""",
    "I4 the end in history is another one": """
        SELECT run.id FROM workflows_run AS run
        JOIN workflows_history AS line ON line.run_id = run.id
             AND line.kind IN ('run_completed', 'run_failed', 'run_cancelled')
        WHERE line.kind <> 'run_' || run.state""",
    "I4 history goes on after the end": """
        SELECT line.id FROM workflows_history AS line JOIN workflows_history AS last
             ON last.run_id = line.run_id
             AND last.kind IN ('run_completed', 'run_failed', 'run_cancelled')
        WHERE line.id > last.id""",
    "I4 an ended run holds something": f"""
        SELECT id FROM workflows_run WHERE state IN {OVER}
          AND (finished_at IS NULL OR wake_at IS NOT NULL OR worker_id IS NOT NULL
               OR lease_until IS NOT NULL)""",
    "I4 an output without an end, or an error without a reason": """
        SELECT id FROM workflows_run WHERE (output IS NOT NULL AND state <> 'completed')
          OR (error IS NOT NULL) <> (state IN ('failed', 'blocked'))""",
    "I6 one key, two runs": """
        SELECT workflow, key FROM workflows_run WHERE key IS NOT NULL
        GROUP BY workflow, key HAVING count(*) > 1""",
    "I7 an effect under another key than its position's": """
        SELECT id FROM lab_effect WHERE key NOT LIKE run_id || ':%'""",
    "I7 an atomic step without its effect, or twice": """
        SELECT line.run_id, line.position FROM workflows_history AS line
        LEFT JOIN lab_effect AS effect ON effect.key = line.run_id || ':' || line.position
             AND effect.name NOT LIKE '% was tried'
        WHERE line.kind = 'step_completed' AND line.name IN ('atomic_effect', 'slow_atomic_effect')
        GROUP BY line.run_id, line.position HAVING count(effect.id) <> 1""",
    "I7 an atomic effect without its step": """
        SELECT effect.key FROM lab_effect AS effect JOIN workflows_run AS run ON run.id = effect.run_id
        WHERE run.workflow IN ('lab.atomic_steps', 'lab.sleeps', 'lab.waits', 'lab.labelled')
          AND NOT EXISTS (SELECT FROM workflows_history AS line
                          WHERE effect.key = line.run_id || ':' || line.position)""",
    "I7 a plain step recorded without its effect": """
        SELECT line.id FROM workflows_history AS line
        WHERE line.kind = 'step_completed'
          AND line.name IN ('effect', 'slow_effect', 'third_time_lucky', 'cancel_this_run')
          AND NOT EXISTS (SELECT FROM lab_effect
                          WHERE key = line.run_id || ':' || line.position)""",
    "I8 positions are skipped": """
        SELECT run_id FROM workflows_history WHERE position IS NOT NULL
        GROUP BY run_id HAVING max(position) <> count(DISTINCT position)""",
    "I8 an operation began before the one before it had ended": """
        SELECT line.id FROM workflows_history AS line
        WHERE line.position > 1 AND NOT EXISTS (
            SELECT FROM workflows_history AS before
            WHERE before.run_id = line.run_id AND before.position = line.position - 1
              AND before.part = 0 AND before.id < line.id)""",
    "I9 an event consumed without its line, or a line without its event": """
        SELECT event.id FROM workflows_event AS event FULL JOIN (
            SELECT * FROM workflows_history WHERE kind = 'event_received') AS line
             ON line.run_id = event.run_id AND line.position = event.position
        WHERE (event.position IS NOT NULL AND line.id IS NULL) OR event.id IS NULL""",
    "I11 a child without its line, or a line without its child": """
        SELECT child.id, line.id FROM (
            SELECT * FROM workflows_run WHERE parent_id IS NOT NULL AND chain_id IS NULL) AS child
        FULL JOIN (SELECT * FROM workflows_history WHERE kind = 'child_started') AS line
             ON line.data->>'run' = child.id::text
        LEFT JOIN workflows_run AS parent ON parent.id = child.parent_id
        LEFT JOIN workflows_run AS starter ON starter.id = line.run_id
        WHERE child.id IS NULL OR line.id IS NULL
           OR CASE WHEN child.parent_position IS NOT NULL
                   THEN (line.run_id, line.position) <> (child.parent_id, child.parent_position)
                   -- It went along with continue_as_new: its line is an earlier run's of the chain.
                   ELSE coalesce(starter.chain_id, starter.id) IS DISTINCT FROM parent.chain_id END""",
    "I11 a parent ended before its child": """
        SELECT parent.id, child.id FROM workflows_run AS parent
        JOIN workflows_run AS child ON child.parent_id = parent.id AND NOT child.detached
        JOIN workflows_history AS its_end ON its_end.run_id = parent.id
             AND its_end.kind IN ('run_completed', 'run_failed')
        LEFT JOIN workflows_history AS before ON before.run_id = child.id
             AND before.kind IN ('run_completed', 'run_failed', 'run_cancelled', 'continued')
             AND before.id < its_end.id
        WHERE parent.deadline IS NULL AND before.id IS NULL""",
    "I12 a run that nobody would find again": f"""
        SELECT id FROM workflows_run WHERE
          (state IN {HELD} AND (lease_until IS NULL OR worker_id IS NULL))
          OR (state = 'pending' AND wake_at IS NULL)
          OR (state = 'waiting' AND wake_at IS NULL AND waiting_for = '{{}}')
          OR (state NOT IN {HELD} AND (worker_id IS NOT NULL OR lease_until IS NOT NULL))""",
}


def breaches() -> dict[str, list[tuple[object, ...]]]:
    """Return what does not hold, with the rows that show it."""
    found = {name: rows(query.replace("%", "%%")) for name, query in BREACHES.items()}
    return {name: wrong for name, wrong in found.items() if wrong}
