"""What operators see first: does work flow, and what stands in its way."""

from datetime import timedelta

from workflows.core.charts import Throughput
from workflows.core.figures import Counted, Grain
from workflows.core.overview import Count, Missing, Overview
from workflows.store import charts, counting
from workflows.store import overview as store
from workflows.store.missing_code import list_missing_code

WAITS_FOR = ("event", "child", "limit", "time", "retry")
LAST_MINUTES = 5


def load_overview() -> Overview:
    """Return the state of the engine now: what is due, driven, waiting and failed, who works, what comes next.

    It takes tens of milliseconds, however many runs there are: a Count says where it stopped counting.
    """
    due, (paused, blocked, running) = store.load_due(), store.load_set_aside()
    return Overview(
        at=due.at,
        due=_capped(due.runs),
        oldest_due_seconds=due.oldest_seconds,
        late=_capped(due.late),
        running=running,
        paused=_capped(paused),
        blocked=_capped(blocked),
        waiting=_waiting(),
        failed=tuple(store.load_failed()),
        blocked_by=tuple(store.load_blocked()),
        throughput=_throughput(),
        figures_behind_seconds=counting.seconds_behind(),
        workers=tuple(store.load_workers()),
        schedules=tuple(store.load_schedules()),
        missed=store.load_missed(),
        missing_code=tuple(
            Missing(each.workflow, each.version, each.step_pool, each.runs, each.since)
            for each in list_missing_code()
        ),
    )


def _capped(number: int) -> Count:
    return Count(number, number >= store.MOST_COUNTED)


def _waiting() -> dict[str, Count]:
    told = store.load_waiting()
    stopped = any(more for what, _, more in told if not what)
    found = dict.fromkeys(WAITS_FOR, Count(0, stopped))
    for what, count, more in told:
        if what:
            before = found[what]
            found[what] = Count(before.number + count, before.is_at_least or more)
    if any(more for what, _, more in told if what):
        # Those whose history was not asked wait for one or the other.
        for what in ("time", "retry"):
            found[what] = found[what]._replace(is_at_least=True)
    return found


def _throughput() -> tuple[Throughput, ...]:
    since = charts.moment() - timedelta(minutes=LAST_MINUTES)
    ended: dict[str, int] = {}
    for _, subject, count in charts.load_counts(Grain.MINUTE, since):
        if subject.what == Counted.ENDED:
            ended[subject.name] = ended.get(subject.name, 0) + count
    return tuple(
        Throughput(name, count, count / LAST_MINUTES) for name, count in sorted(ended.items())
    )
