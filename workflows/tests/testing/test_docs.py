"""docs/testing-workflows.md names every verb. Its examples are run in workflows/tests/package."""

from pathlib import Path
from types import ModuleType

from workflows import testing

PAGE = Path(__file__).resolve().parents[3] / "docs/testing-workflows.md"


def test_every_verb_of_the_kit_is_on_the_page() -> None:
    page = PAGE.read_text()

    for name in testing.__all__:
        if name not in {"CrashReport", "Fake", "forget_time"}:
            assert f"{name}(" in page, name


def test_the_plugin_brings_the_kit(workflow_kit: ModuleType) -> None:
    assert workflow_kit is testing
    assert workflow_kit.drive_until_idle() == 0
