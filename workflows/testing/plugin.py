"""A pytest plugin: `pytest_plugins = ["workflows.testing.plugin"]` in the topmost conftest.py."""

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from _pytest.terminal import TerminalReporter

from workflows.testing import crashes
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


@pytest.fixture(autouse=True)
def _rehearsals(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Note how many crashes the test has rehearsed."""
    crashes.made.clear()
    yield
    for report in crashes.made:
        record_property("crash_everywhere", report.boundaries)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say how many crashes the tests have rehearsed."""
    boundaries = [
        value
        for report in terminalreporter.stats.get("", [])  # where the ends of all tests are kept
        if report.when == "teardown"
        for name, value in report.user_properties
        if name == "crash_everywhere"
    ]
    if boundaries:
        told = f"{len(boundaries)} scenarios, {sum(boundaries):,} boundaries"
        terminalreporter.line(f"crash_everywhere: {told}")
