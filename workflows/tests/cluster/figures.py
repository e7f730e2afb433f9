"""What the tests of clusters measured and killed, told after the last test."""

from collections.abc import Iterator
from typing import Any

from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print every figure and every crash point."""
    noted = list(properties(terminalreporter))
    if noted:
        terminalreporter.section("clusters: measured and killed")
    for name, value in noted:
        if name == "figure":
            terminalreporter.line(str(value))
        elif name == "crash points":
            for workflow, points in value.items():
                terminalreporter.line(f"killed in {workflow} ({len(points)}): {' '.join(points)}")


def properties(reporter: TerminalReporter) -> Iterator[tuple[str, Any]]:
    """Yield what passing tests have recorded."""
    for report in reporter.stats.get("passed", []):
        yield from report.user_properties
