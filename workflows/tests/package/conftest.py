"""One stranger for all tests of a module."""

from collections.abc import Iterator

import pytest

from workflows.tests.package.stranger import Stranger


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """Return somebody with an empty folder, a Python, a PostgreSQL and our wheel."""
    stranger = Stranger(tmp_path_factory.mktemp("stranger"))
    yield stranger
    stranger.close()
