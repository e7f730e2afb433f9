"""What run.py makes of its arguments and its environment, without starting anything."""

import pytest

from ops.cli import development_environment


def test_tests_and_measurements_get_nobodys_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLSITE_SLOTS", "3")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    env = development_environment("postgresql:///here")

    assert env["DATABASE_URL"] == "postgresql:///here"
    assert env.keys().isdisjoint({"TOOLSITE_SLOTS", "PYTHONDONTWRITEBYTECODE"})
