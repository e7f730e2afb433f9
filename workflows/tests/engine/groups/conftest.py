"""Each test begins with nothing hooked into the workflows that gather."""

import pytest

from workflows.tests.engine.groups.gathering import async_hooks, hooks, together


@pytest.fixture(autouse=True)
def _nothing_hooked() -> None:
    hooks.clear()
    async_hooks.clear()
    together.reset()
