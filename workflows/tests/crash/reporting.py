"""What a soak saw: where the runs ended, what was counted, and what the clusters said, each kind once."""

import re
from collections import Counter
from collections.abc import Sequence

from workflows.tests.cluster.lab import Cluster, rows, wait_for

UNFINISHED = "SELECT count(*) FROM workflows_run WHERE state <> 'completed'"
STATES = "SELECT state, count(*) FROM workflows_run GROUP BY state"
LOSSES = """
    SELECT count(*) FILTER (WHERE data->>'crashes' <> '0'),
           count(*) FILTER (WHERE data->>'crashes' = '0'),
           coalesce(max((data->>'crashes')::integer), 0)
    FROM workflows_history WHERE kind = 'recovered'
"""
REASONS = """
    SELECT regexp_replace(data->>'reason', ', (in|on host) .*', ''), count(*),
           count(*) FILTER (WHERE data->>'reason' LIKE '%%, in %%')
    FROM workflows_history WHERE kind = 'recovered' GROUP BY 1 ORDER BY 2 DESC
"""
AGAIN = """
    SELECT coalesce(sum(times - 1), 0), count(*) FILTER (WHERE times > 1)
    FROM (SELECT count(*) AS times FROM lab_effect WHERE name NOT LIKE '%% was tried' GROUP BY key) AS each
"""
LEVEL = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b")
VARIABLE = re.compile(r"Process-[0-9a-f]+|[0-9a-f-]{36}|\d+")


def wait_until_all_completed(clusters: Sequence[Cluster], seconds: float) -> None:
    """Wait for the end of every run there is; fail with the states and the logs."""

    def words() -> str:
        return f"{rows(STATES)}\n" + said_by(clusters)

    wait_for(lambda: rows(UNFINISHED) == [(0,)], "all runs", words, seconds)


def said_by(clusters: Sequence[Cluster]) -> str:
    """Return all that the clusters have written."""
    return "".join(cluster.words() for cluster in clusters)


def figure() -> str:
    """Return the counts that every soak tells."""
    counted, spared, most = rows(LOSSES)[0]
    repeated, steps = rows(AGAIN)[0]
    return (
        f"runs: {dict(rows(STATES))}, losses counted: {counted} (most in a row {most}), not counted: "
        f"{spared}, effects left again: {repeated} (in {steps} steps)"
    )


def kinds(words: str) -> str:
    """Return each kind of line with how often it was said, what is not INFO first."""
    lines = [line for line in words.splitlines() if line.strip()]
    counted = Counter(VARIABLE.sub("#", line)[:160] for line in lines)
    told = sorted(counted.items(), key=lambda each: (LEVEL.search(each[0]) is None, -each[1]))
    return "\n".join(f"{times:5} {kind}" for kind, times in told)


def report(clusters: Sequence[Cluster], injected: object) -> str:
    """Print what was seen, and return its first line."""
    first = f"injected: {injected}; {figure()}"
    reasons = "\n".join(
        f"{n:5} lost because: {why} (step named: {named})" for why, n, named in rows(REASONS)
    )
    print(first, reasons, kinds(said_by(clusters)), sep="\n")  # noqa: T201
    return first
