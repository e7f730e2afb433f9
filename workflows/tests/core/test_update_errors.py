"""The errors of updates say what happened, and can be sent to another process."""

import pickle

import pytest

from workflows.core.update_errors import UpdateFailed, UpdateRefused


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UpdateRefused("r", "add", "full"), "run r refuses the update 'add': full"),
        (
            UpdateFailed("r", "add", "ValueError", "no"),
            "update 'add' of run r failed: ValueError: no",
        ),
    ],
)
def test_they_say_what_happened(error: Exception, told: str) -> None:
    assert str(error) == told
    assert str(pickle.loads(pickle.dumps(error))) == told
