"""What a test registers is forgotten after it: one process runs many tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from workflows.api import workflow
from workflows.definitions import workflow as registry


@contextmanager
def own_workflows(*, alone: bool = False) -> Iterator[None]:
    """Forget afterwards what was registered inside. alone: know no other workflows meanwhile."""
    with mock.patch.dict(registry._workflows, clear=alone):
        yield


@contextmanager
def registered(function: Any, name: str, version: int = 1) -> Iterator[None]:
    """Let this be the code of a workflow for a while, in the place of what there was."""
    with own_workflows():
        registry._workflows.pop((name, version), None)
        workflow(name, version)(function)
        yield
