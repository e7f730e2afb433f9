"""One stranger for all tests: each goes to a folder of its own."""

from collections.abc import Iterator

import pytest

from workflows.tests.package.stranger import Stranger


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """Return somebody with an empty folder, a Python, a PostgreSQL and our wheel."""
    stranger = Stranger(tmp_path_factory.mktemp("stranger"))
    yield stranger
    stranger.close()
