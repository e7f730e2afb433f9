"""A pytest plugin: `pytest_plugins = ["workflows.testing.plugin"]` in the topmost conftest.py."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from workflows.testing.clock import clock


@pytest.fixture(autouse=True)
def _a_clock_of_its_own() -> Iterator[None]:
    """Let no test inherit the time that another let pass."""
    clock.forget()
    yield
    clock.forget()


@pytest.fixture
def workflow_kit(db: None) -> ModuleType:
    """Return workflows.testing, with the database: drive_until_idle, advance, send, fake, …"""
    import workflows.testing

    return workflows.testing
