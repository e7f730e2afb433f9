"""What ticks have left: a run each, without gaps."""

from datetime import datetime, timedelta
from itertools import pairwise

from workflows.models import Run


def ticks_of(schedule: str) -> list[datetime]:
    """Return the ticks of the runs of a schedule, in order."""
    prefix = f"schedule:{schedule}:"
    keys = Run.objects.filter(key__startswith=prefix).values_list("key", flat=True)
    return sorted(datetime.fromisoformat(str(key).removeprefix(prefix)) for key in keys)


def each_tick_once(schedule: str, seconds: float = 1.0) -> None:
    """Fail unless the ticks of a schedule by interval follow one another, each with one run."""
    ticks = ticks_of(schedule)
    gaps = {later - earlier for earlier, later in pairwise(ticks)}

    assert gaps <= {timedelta(seconds=seconds)}, sorted(gaps)
    assert len(set(ticks)) == len(ticks)
