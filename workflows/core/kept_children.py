"""Children that a run has from the one before it in its chain: continue_as_new(keep_children=True)."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from workflows.core.codec import dumps
from workflows.core.history import HistoryEntry
from workflows.core.line_fields import CHILDREN


class KeptChild(NamedTuple):
    """One of them, as the code that started it knows it."""

    id: UUID
    """Of its first run, where it is a chain itself."""
    workflow: str


def written(children: Sequence[KeptChild]) -> str:
    """Return the JSON text of them."""
    return dumps([[str(child.id), child.workflow] for child in children])


def kept_children(entry: HistoryEntry) -> list[KeptChild]:
    """Read them in the line that tells of them."""
    return [KeptChild(UUID(child), workflow) for child, workflow in CHILDREN.of(entry)]
