"""Measure one thing after the other; what fails is reported and the rest goes on."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bench.figures import Figure, Findings
from bench.lab import Lab, NotMeasured
from bench.measures import (
    events,
    kills,
    reservations,
    round_trips,
    runs,
    slow_steps,
    starts,
    streams,
    together,
    waiting,
    watchers,
)
from bench.side_by_side import ProcessDied

Found = TypeVar("Found")

FIGURES: dict[str, Callable[[Lab], list[Figure]]] = {
    "runs": runs.measure,
    "start": starts.measure,
    "event": events.measure,
    "together": together.measure,
    "kill": kills.measure,
    "waiting": waiting.measure,
    "slow-steps": slow_steps.measure,
    "streams": streams.measure,
    "reservations": reservations.measure,
    "watchers": watchers.measure,
}


def measure_all(names: Sequence[str], folder: Path, *, quick: bool) -> Findings:
    """Return what the named measurements find."""
    lab, findings = Lab(folder, quick=quick), Findings()
    try:
        # First, because no cluster may be alive meanwhile.
        if "round-trips" in names:
            findings.operations += tell("round-trips", round_trips.measure, lab)
        for name, measure in FIGURES.items():
            if name in names:
                findings.figures += tell(name, measure, lab)
    finally:
        lab.close()
    return findings


def tell(name: str, measure: Callable[[Lab], list[Found]], lab: Lab) -> list[Found]:
    """Measure, and say how long it took."""
    sys.stderr.write(f"measuring {name} … ")
    sys.stderr.flush()
    began = time.monotonic()
    try:
        found = measure(lab)
    except (NotMeasured, ProcessDied, OSError) as why:
        sys.stderr.write(f"not measured: {why}\n")
        return []
    sys.stderr.write(f"{time.monotonic() - began:.0f} s\n")
    return found
