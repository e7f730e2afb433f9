"""Rows of children, as the statements of the store make them."""

from typing import Any

from workflows.api import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.signature import Input
from workflows.store.children import start_child
from workflows.store.fence import UNCHANGED, Notes
from workflows.tests.builders import new_run, row


def child_of(
    parent: ClaimedRun, *, position: int = 3, notes: Notes = UNCHANGED, **given: Any
) -> dict[str, Any]:
    """Start a child at a position of its parent; return every column of it."""
    child = new_run("tests.wait", input=Input('{"timeout_seconds": 5}'), **given)
    fact = Fact(
        kind=HistoryKind.CHILD_STARTED, position=position, name="tests.wait", data='{"run": 1}'
    )
    assert start_child(parent, fact, child, notes=notes)
    return row(child.id)
