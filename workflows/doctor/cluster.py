"""Who drives runs: workers, their code, their pools, their settings, their clocks."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.core import checks

from workflows.api import list_missing_code
from workflows.doctor.finding import Look, NotLookedAt, Trouble, error, minutes, warning
from workflows.engine.served_code import known_pools
from workflows.store import at_work
from workflows.store.diagnosis import server
from workflows.store.diagnosis.workers import living_code, silent_workers

SILENT_SECONDS = 120.0
"""The sweep takes the rows of the dead after a minute."""
CLOCK_WARNING_SECONDS, CLOCK_ERROR_SECONDS = 1.0, 30.0


def workers() -> Iterator[Trouble]:
    if any(each.lives for each in at_work.list_workers()):
        return
    due = at_work.count_due()
    severity = error if due.runs else warning
    yield severity(
        f"no worker lives, and {due.runs:,} runs are due",
        "Start a cluster: `manage.py runcluster`, under a service manager that restarts it.",
    )


def silent() -> Iterator[Trouble]:
    for host, pid, age in silent_workers(SILENT_SECONDS):
        yield warning(
            f"the worker {host}:{pid} shows no life, and began {minutes(age)} ago",
            "Its row goes when a cluster sweeps, and its runs to others. If none does, start one; if its process "
            "is there, end it.",
        )


def code_versions() -> Iterator[Trouble]:
    _refuse_silence()
    by_pools: dict[frozenset[str], dict[frozenset[tuple[str, int]], list[str]]] = {}
    for each in living_code():
        hosts = by_pools.setdefault(each.pools, {}).setdefault(each.code, [])
        if each.host not in hosts:
            hosts.append(each.host)
    for pools, found in by_pools.items():
        if len(found) > 1:
            every = frozenset.union(*found) - frozenset.intersection(*found)
            names = ", ".join(f"{name} version {version}" for name, version in sorted(every)[:5])
            where = "; ".join(", ".join(hosts) for hosts in found.values())
            yield warning(
                f"workers of {', '.join(sorted(pools)) or 'the default pool'} have different code: not all have "
                f"{names} ({where})",
                "So it is in the middle of a deploy. If that is over, restart the clusters of the older release.",
            )


def pools() -> Iterator[Trouble]:
    _refuse_silence()
    told = living_code()
    if not all(each.pools for each in told):
        raise NotLookedAt(
            "some workers are of an older release, which does not say", "Upgrade the clusters."
        )
    served = frozenset[str]().union(*(each.pools for each in told))
    for pool in sorted(known_pools() - served):
        yield warning(
            f"no living worker serves the pool {pool!r}, which the code here names",
            f"Start a cluster for it: `manage.py runcluster --pool {pool}`.",
        )


def missing_code() -> Iterator[Trouble]:
    _refuse_silence()
    for each in list_missing_code():
        where = f" in the pool {each.step_pool!r}" if each.step_pool else ""
        yield error(
            f"{each.runs:,} runs of {each.workflow} version {each.version} are due, and no living worker has "
            f"their code{where} (run {each.run_id})",
            "Deploy the code that has this version, or start a cluster of its pool.",
        )


def _refuse_silence() -> None:
    """Raise NotLookedAt where no living worker says what code it has."""
    if not living_code():
        raise NotLookedAt("no living worker says what it has", "Start a cluster, and look again.")


def settings() -> Iterator[Trouble]:
    for message in checks.run_checks(databases=["default"]):
        if str(message.id).startswith("workflows.") and not message.is_silenced():
            severity = error if message.level >= checks.ERROR else warning
            yield severity(f"{message.id}: {message.msg}", str(message.hint or ""))


def clocks() -> Iterator[Trouble]:
    before = host_clock()
    theirs = server.server_clock()
    after = host_clock()
    doubt = (after - before).total_seconds() / 2
    apart = (theirs - (before + (after - before) / 2)).total_seconds()
    if abs(apart) - doubt > CLOCK_WARNING_SECONDS:
        severity = error if abs(apart) > CLOCK_ERROR_SECONDS else warning
        ahead = "ahead of" if apart > 0 else "behind"
        yield severity(
            f"the database's clock is {minutes(abs(apart))} {ahead} this host's",
            "Runs are due by the database's clock; let NTP set both (`timedatectl`).",
        )


def host_clock() -> datetime:
    """Return this host's time."""
    return datetime.now(UTC)


LOOKS = (
    Look("workers", workers, "workers live"),
    Look("silent_workers", silent, "every worker that has a row shows life"),
    Look("code_versions", code_versions, "workers of the same pools have the same code"),
    Look("pools", pools, "every pool that the code here names is served, as far as workers say"),
    Look("missing_code", missing_code, "no run is due whose code no worker has"),
    Look(
        "settings", settings, "Django's checks have nothing against the engine's settings and code"
    ),
)
CLOCKS = (Look("clocks", clocks, "the clocks of this host and the database agree"),)
