"""Each test starts with nothing done outside the database."""

import pytest

from workflows.tests.testing import stories


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    """Forget what steps did in the test before."""
    stories.done.clear()
