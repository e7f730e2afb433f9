"""Runs, limits and schedules that stand still."""

from collections.abc import Iterator

from workflows.conf import conf
from workflows.core.retention import read_rules
from workflows.definitions.workflow import find_workflow
from workflows.doctor.finding import Look, Trouble, error, minutes, warning
from workflows.engine.prune import count_families
from workflows.store import at_work
from workflows.store.diagnosis import open_work
from workflows.store.diagnosis.open_work import Found

LATE_SECONDS, VERY_LATE_SECONDS = 60.0, 600.0
LEASE_PAST_SECONDS = 60.0
CANCELLING_SECONDS = 300.0
SCHEDULE_LATE_SECONDS = 60.0
MANY_RUNS = 1_000_000
MANY_TO_PRUNE = 10_000
RETRY = "See `manage.py workflows why RUN`; `manage.py workflows retry RUN` drives it now."


def blocked() -> Iterator[Trouble]:
    for each in open_work.blocked_runs():
        yield warning(
            f"{each.runs:,} runs of {each.workflow} are blocked: {each.type} (run {each.run_id})",
            "`manage.py workflows_debug RUN` shows where; mend the code, deploy, then "
            f"`manage.py workflows retry --workflow {each.workflow} --state blocked`.",
        )


def late() -> Iterator[Trouble]:
    due = at_work.count_due()
    seconds = due.oldest_seconds or 0.0
    if seconds > LATE_SECONDS:
        more = "at least " if due.at_least else ""
        severity = error if seconds > VERY_LATE_SECONDS else warning
        yield severity(
            f"{more}{due.runs:,} runs are due, the oldest for {minutes(seconds)}",
            "Workers are too few, hung, or have not its code: `manage.py workflows top`. More slots or another cluster help.",
        )


def leases() -> Iterator[Trouble]:
    yield from _told(
        open_work.leases_past(LEASE_PAST_SECONDS),
        "have a lease that ended over a minute ago, and nobody took them back",
        "A living cluster sweeps: start or restart one. Locks on these rows hold it up too.",
    )


def held() -> Iterator[Trouble]:
    yield from _told(
        open_work.held_by_nobody(),
        "are driven by their state, and held by no worker",
        "No release writes this: somebody changed the rows. `manage.py workflows cancel RUN` ends those that are cancelling.",
    )


def cancelling() -> Iterator[Trouble]:
    found = open_work.long_cancelling(CANCELLING_SECONDS)
    if found.runs:
        yield warning(
            f"{found.runs:,} runs were cancelled over {minutes(CANCELLING_SECONDS)} ago and go on (run {found.run_id})",
            "The step they are in does not end: `manage.py workflows show RUN` names it, its host and pid; give it a "
            "time limit (timeout_seconds).",
        )


def never_due() -> Iterator[Trouble]:
    yield from _told(open_work.never_due(), "wait for no time and no event", RETRY)


def unregistered() -> Iterator[Trouble]:
    for workflow, version, runs in open_work.open_code():
        if find_workflow(workflow, version) is None:
            yield warning(
                f"{runs:,} open runs are of {workflow} version {version}, which the code here has not got",
                "If another project or release has it, all is well. Otherwise bring the version back, or "
                f"`manage.py workflows cancel --workflow {workflow} --version {version}`.",
            )


def limit_slots() -> Iterator[Trouble]:
    yield from _told(
        open_work.slots_left(),
        "have ended, and hold slots of limits",
        "DELETE FROM workflows_limitslot WHERE run_id = …; the triggers of migration 0016 free them otherwise: are they enabled?",
    )


def waits_left() -> Iterator[Trouble]:
    found = open_work.waits_left()
    if found.runs:
        yield warning(
            f"{found.runs:,} waits for limits are of runs that have ended (run {found.run_id})",
            "They hold up nobody for long, since a cluster passes them; if they stay, delete them: workflows_limitwait.",
        )


def retention() -> Iterator[Trouble]:
    rules, runs = read_rules(conf().retention), open_work.estimated_runs()
    if not rules and runs > MANY_RUNS:
        yield warning(
            f"about {runs:,} runs are kept, and nothing says for how long",
            'Set WORKFLOWS["retention"], or run `manage.py workflows_prune --older-than 90d`.',
        )
    if rules and (old := count_families(rules)) > MANY_TO_PRUNE:
        yield warning(
            f"{old:,} families of runs are older than the setting retention keeps them",
            "A cluster prunes them bit by bit; `manage.py workflows_prune` does it now.",
        )


def schedules() -> Iterator[Trouble]:
    for name, seconds in open_work.late_schedules(SCHEDULE_LATE_SECONDS):
        yield error(
            f"the schedule {name!r} is {minutes(seconds)} late",
            "A living cluster starts its runs: is there one, and does it have the workflow's code?",
        )
    for name, problem in open_work.broken_schedules():
        yield error(
            f"the schedule {name!r} cannot start its run: {problem}",
            "Mend the input or the code that it names; it tries again by itself.",
        )


def _told(found: Found, what: str, advice: str) -> Iterator[Trouble]:
    if found.runs:
        yield error(f"{found.runs:,} runs {what} (run {found.run_id})", advice)


LOOKS = (
    Look("blocked", blocked, "no run is blocked"),
    Look("late", late, "no run is later than its wake time by a minute"),
    Look("leases", leases, "no lease is long past"),
    Look("held_by_nobody", held, "every run that is driven is held by a worker"),
    Look("cancelling", cancelling, "runs that were cancelled have stopped"),
    Look("never_due", never_due, "every run that waits has something to wait for"),
    Look("unregistered", unregistered, "the code here has every workflow of which a run is open"),
    Look("limit_slots", limit_slots, "no ended run holds a slot of a limit"),
    Look("waits_left", waits_left, "no ended run has left a wait behind"),
    Look("retention", retention, "runs are pruned as the setting says, or are not many"),
    Look("schedules", schedules, "schedules start their runs in time"),
)
