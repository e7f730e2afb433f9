"""Rows of children, as the statements of the store make them."""

from typing import Any
from uuid import uuid4

from workflows.api import HistoryKind
from workflows.core.codec import Input
from workflows.core.run import ClaimedRun, Fact
from workflows.store.children import start_child
from workflows.store.fence import UNCHANGED, Notes
from workflows.tests.builders import row


def child_of(parent: ClaimedRun, *, notes: Notes = UNCHANGED, **given: Any) -> dict[str, Any]:
    """Start a child at position 3 of its parent; return every column of it."""
    options = {"deadline_seconds": None, "detached": False, "undo_on_cancel": False, **given}
    child_id = uuid4()
    fact = Fact(kind=HistoryKind.CHILD_STARTED, position=3, name="tests.wait", data='{"run": 1}')
    assert start_child(
        parent,
        fact,
        child_id=child_id,
        workflow="tests.wait",
        version=1,
        input=Input('{"timeout_seconds": 5}'),
        notes=notes,
        **options,
    )
    return row(child_id)
