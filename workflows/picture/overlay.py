"""What is laid over the picture of a workflow: of one run, or of many."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a node shows besides its name."""

    state: str = ""
    """A StepState; "" for a node that is no act, and where many runs are shown."""
    note: str = ""
    """In words: how long it took, which attempt it is, what went wrong."""
    times: int = 0
    """How often the run has come to it."""
    attempts: int = 0
    """Those that have ended, of the last time."""
    position: int | None = None
    """Of the last time; None: the run has not come to it."""
    here: int = 0
    """How many runs stand there."""
    heat: int = 0
    """From 0 to 5, beside the other nodes."""


NO_MARK = Mark()


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """Marks by the ids of nodes, and the edges that the run has gone."""

    caption: str
    """What it shows, in a sentence."""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    taken: frozenset[tuple[str, str]] | None = None
    """Sources and targets; None: it is no single run's."""
    scale: str = ""
    """What the heat tells: "duration" or "failure"; "" for none."""

    def mark(self, node: str) -> Mark:
        """Return the mark of a node."""
        return self.marks.get(node, NO_MARK)


PLAIN = Overlay(caption="")
"""Nothing lies over the picture."""
