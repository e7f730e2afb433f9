"""What the lines of updates hold."""

import json

from workflows.core.update_lines import update_answered, update_received


def test_a_line_tells_what_came_and_another_what_was_answered() -> None:
    received = update_received(3, "add", '{"a": 1}', 7)
    answered = update_answered(3, "add", output="[2]")
    failed = update_answered(3, "add", error='{"type": "ValueError"}')

    assert (received.position, received.part, answered.part) == (3, 1, 0)
    assert json.loads(received.data) == {"payload": {"a": 1}, "event": 7}
    assert json.loads(answered.data) == {"output": [2]}
    assert json.loads(failed.data) == {"error": {"type": "ValueError"}}
