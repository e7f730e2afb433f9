"""A minute of cut connections, 360 runs, two clusters; too long for the suite, so call it by its name:

python3 run.py test workflows/tests/crash/soak_cuts.py -n 0 -s
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable

import pytest

from workflows.api import start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, rows, wait_for
from workflows.tests.crash.cutting import UNFINISHED, cut_for
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

SECONDS, RUNS, AT_ONCE = 60.0, 360, 100
PATIENCE_SECONDS = 120.0
LONG_ONE_OF, LONG_SECONDS = 90, 3.0
STATES = "SELECT state, count(*) FROM workflows_run GROUP BY state"
CRASHES = (
    "SELECT count(*) FROM workflows_history WHERE kind = 'recovered' AND data->>'crashes' <> '0'"
)
LEVEL = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b")


def start_one(number: int) -> None:
    """Start a run, of five kinds in turn; now and then one whose steps take longer than cuts are apart."""
    if number % LONG_ONE_OF == 0:
        start(flows.many_steps, steps=2, seconds=LONG_SECONDS)
    match number % 5:
        case 0:
            start(flows.three_steps)
        case 1:
            start(flows.atomic_steps)
        case 2:
            start(flows.many_steps, steps=20)
        case 3:
            start(flows.waits_long, seconds=0.5)
        case _:
            start(flows.fan, count=3)


def test_a_minute_of_cuts_loses_blocks_and_hangs_nothing(
    lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    clusters = [lab.cluster(workers=4).wait_until_ready() for _ in range(2)]
    for number in range(AT_ONCE):
        start_one(number)
    begun = itertools.count(AT_ONCE)

    def start_three() -> None:
        for number in itertools.islice(begun, 3):
            if number < RUNS:
                start_one(number)

    cut = cut_for(SECONDS, meanwhile=start_three)
    words = "".join(cluster.words() for cluster in clusters)

    def all_words() -> str:
        return f"{rows(STATES)}\n" + "".join(cluster.words() for cluster in clusters)

    wait_for(lambda: rows(UNFINISHED) == [(0,)], "all runs", all_words, PATIENCE_SECONDS)
    told = [line for line in words.splitlines() if LEVEL.search(line)]
    figure = (
        f"connections cut: {cut}, runs: {rows(STATES)}, counted losses: "
        f"{rows(CRASHES)[0][0]}, lines in that minute: {len(words.splitlines())}, of these "
        f"warnings and errors: {len(told)}"
    )
    record_property("figure", figure)
    kinds = Counter(re.sub(r"[0-9a-f-]{36}|\d+", "#", line)[:110] for line in words.splitlines())
    print(figure, *(f"{times:4} {kind}" for kind, times in kinds.most_common()), sep="\n")  # noqa: T201
    assert breaches() == {}
