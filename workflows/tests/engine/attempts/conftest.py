"""Each test begins with nothing hooked into the async steps."""

import pytest

from workflows.tests.engine.attempts.awaiting import hooks


@pytest.fixture(autouse=True)
def _nothing_hooked() -> None:
    hooks.clear()
