"""What workers say of themselves: the code they have, the pools they serve."""

from typing import NamedTuple

from workflows.store.database import query
from workflows.store.schema import LIVING
from workflows.store.statement import NOW, Statement

_CODE = Statement(
    f"""
    SELECT host, pid, coalesce(pools, '{{}}'), workflows, versions FROM workflows_worker
    WHERE id IN ({LIVING}) AND workflows IS NOT NULL ORDER BY host, pid
    """
)
_SILENT = Statement(
    f"""
    SELECT host, pid, extract(epoch FROM {NOW} - started_at)::float8 FROM workflows_worker
    WHERE id NOT IN ({LIVING}) AND started_at < {NOW} - %(seconds)s * interval '1 second'
    ORDER BY host, pid LIMIT 100
    """
)


class WorkerCode(NamedTuple):
    """What a living worker can drive."""

    host: str
    pid: int
    pools: frozenset[str]
    """Empty: of an older release, which does not say."""
    code: frozenset[tuple[str, int]]


def living_code() -> list[WorkerCode]:
    """Return what each living worker has code for; those left out that do not say."""
    return [
        WorkerCode(host, pid, frozenset(pools), frozenset(zip(names, versions, strict=True)))
        for host, pid, pools, names, versions in query(_CODE)
    ]


def silent_workers(seconds: float) -> list[tuple[str, int, float]]:
    """Return host, pid and age of the workers that have a row since so long, and show no life."""
    return [(host, pid, age) for host, pid, age in query(_SILENT, {"seconds": seconds})]
