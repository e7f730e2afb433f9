"""What every test here gets: no link check leaves the machine unless a test scripts its answer."""

from collections.abc import Iterator
from unittest import mock

import pytest


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    unscripted = AssertionError("script the guard's answer with link_answers()")
    with mock.patch("submissions.steps.ask_the_guard", side_effect=unscripted):
        yield
