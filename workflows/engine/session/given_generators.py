"""Generators that workflow code gives to steps: nothing of them is left afterwards.

They cannot be copied. A step reads one when it runs and not at a replay, so what the code found of it
behind the step would be another thing each time.
"""

from collections.abc import Iterable
from types import GeneratorType
from typing import Any

from workflows.core.errors import DefinitionError


class GivenGenerators:
    """Those of one pass of the workflow's code."""

    def __init__(self) -> None:
        self._given: list[tuple[GeneratorType[Any, Any, Any], str]] = []
        self._closed = 0

    def give(self, arguments: Iterable[Any], receiver: str, position: int) -> None:
        """Note those that a step receives. Raises DefinitionError for one that another has received."""
        for each in arguments:
            if type(each) is not GeneratorType:
                continue
            for known, told in self._given:
                if known is each:
                    raise DefinitionError(
                        f"{receiver} is given a generator that {told} has received, of which it may "
                        "have left something or nothing; make a list of it"
                    )
            self._given.append((each, f"{receiver} (position {position})"))

    def close(self) -> None:
        """Let nothing be left of what steps have received so far."""
        for generator, _ in self._given[self._closed :]:
            generator.close()
        self._closed = len(self._given)
