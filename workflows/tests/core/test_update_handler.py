"""What may answer an update, and what it takes."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError, ValueNotStorable
from workflows.core.update_handler import update_handler


class Cart:
    """Something with a method."""

    def add(self, pieces: int) -> str:
        return f"{pieces}"


def test_the_annotation_of_its_parameter_says_what_it_takes() -> None:
    handler = update_handler("add", Cart().add, None)

    assert handler.read(3) == 3
    with pytest.raises(ValueNotStorable, match="valid integer"):
        handler.read("x")
    assert handler.function(2) == "2"


def test_what_says_nothing_takes_anything() -> None:
    assert update_handler("add", [].append, None).read({"a": 1}) == {"a": 1}
    assert update_handler("add", lambda _: None, None).read("x") == "x"


async def wait(_: Any) -> None:
    """No handler: nobody awaits it."""


@pytest.mark.parametrize("wrong", [wait, lambda: None, lambda a, b: None, 7])
def test_what_cannot_be_called_with_a_payload_alone_is_refused(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"on_update\('add'\).* takes the payload alone"):
        update_handler("add", wrong, None)
    with pytest.raises(DefinitionError):
        update_handler("add", lambda _: None, wrong)
