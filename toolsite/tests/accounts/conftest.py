"""Fixtures of the tests of accounts."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def silent() -> Iterator[None]:
    """Thousands of refusals are no news."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
