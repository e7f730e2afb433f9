"""Functions written inside workflow code have copies of its variables; of nobody else's."""

from collections.abc import Callable
from typing import Any

from workflows.engine.attempts.closures import apart, code_below, knows_others


def workflow(outside: list[int]) -> tuple[list[int], Any, Any]:
    found: list[int] = []
    several = 0

    def work(number: int, factor: int = 2, *, more: int = 1) -> int:
        nonlocal several
        several += 1
        found.append(number * factor * more)
        outside.append(number)
        return several + len(found) + (0 if number else work(1))

    around = code_below(workflow)  # type: ignore[arg-type]
    return found, work, apart(work, around)


def test_it_fills_a_copy_of_the_workflows_own_list() -> None:
    found, _, copy = workflow([])

    assert copy(7) == 2

    assert found == []


def test_of_what_is_not_the_workflows_it_has_the_thing_itself() -> None:
    outside: list[int] = []

    def around(add: Callable[[int], None]) -> Any:
        return apart(lambda: add(outside.append(1) or 2), code_below(around))  # type: ignore

    around(lambda number: outside.append(number))()

    assert outside == [1, 2]


def test_defaults_and_what_is_not_set_yet_stay() -> None:
    def body() -> Any:
        def work() -> str:
            return later

        copy = apart(work, code_below(body))  # type: ignore[arg-type]
        later = "now"
        return copy

    assert body()() == "now"


def test_a_method_of_a_list_is_one_of_a_copy() -> None:
    found: list[int] = []

    apart(found.append, ())(1)

    assert found == []
    assert apart(len, ()) is len


def test_other_values_are_as_they_are() -> None:
    value = object()

    assert apart(value, ()) is value
    assert not knows_others(value)
    assert not knows_others(test_other_values_are_as_they_are)
