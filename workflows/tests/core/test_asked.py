"""Who asked for something, and why."""

from workflows.core.asked import Asked


def test_what_nobody_said_is_empty() -> None:
    assert Asked(by="alice") == ("alice", "", "")
