"""Each test begins with the code as it was."""

import pytest

from workflows.tests.engine.debugging.orders import AS_IT_WAS, deployed


@pytest.fixture(autouse=True)
def old_code() -> None:
    """Take changes of the code back."""
    deployed.update(what=AS_IT_WAS)
