"""A pytest plugin: `pytest_plugins = ["workflows.testing.plugin"]`."""

from collections.abc import Iterator
from types import ModuleType

import pytest

from workflows.testing import driving


@pytest.fixture(autouse=True)
def _virtual_time_of_its_own() -> Iterator[None]:
    """Let no test inherit the time that another let pass."""
    driving.forget_time()
    yield
    driving.forget_time()


@pytest.fixture
def workflow_kit(db: None) -> ModuleType:
    """Return workflows.testing, with the database: drive_until_idle, advance, send, fake, …"""
    import workflows.testing

    return workflows.testing
