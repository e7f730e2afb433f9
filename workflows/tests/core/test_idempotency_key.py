"""A reading of the key, until a step receives it, and what takes its place."""

import json
import threading
from collections import deque, namedtuple
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from pydantic import BaseModel

from workflows.core.errors import DefinitionError
from workflows.core.idempotency_key import KeyReading, Keys, Receiver, step_key

RUN = UUID(int=7)
CHARGE = Receiver(name="step 'charge'", position=3)
NOTE = Receiver(name="step 'note'", position=4)
Pair = namedtuple("Pair", "name key")


@dataclass(frozen=True, slots=True)
class Payment:
    amount: int
    key: str


class Model(BaseModel):
    key: str


@dataclass
class Open:
    lock: Any
    key: str


@pytest.fixture
def keys() -> Keys:
    return Keys(RUN)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda key: key,
        lambda key: [key],
        lambda key: {"a": {"b": [(1, key)]}},
        lambda key: {key: 1},
        lambda key: {key, "b"},
        lambda key: Payment(amount=3, key=key),
        lambda key: [Model(key=key)],
        lambda key: Pair("a", key),
        lambda key: [[key], [key]],
    ],
)
def test_at_any_depth_the_key_of_the_step_takes_its_place(keys: Keys, wrap: Any) -> None:
    given, own = keys.given_to(CHARGE, wrap(keys.read(1)))

    assert own
    assert given == wrap(step_key(RUN, 3))
    assert "KeyReading" not in {type(each).__name__ for each in _texts(given)}


def _texts(value: Any) -> list[Any]:
    return list(value if isinstance(value, list | tuple | set) else [value])


def test_what_the_caller_holds_is_left_as_it_is(keys: Keys) -> None:
    held = [keys.read(1)]

    keys.given_to(CHARGE, held)

    assert type(held[0]) is KeyReading


def test_a_value_without_a_reading_is_no_receiver(keys: Keys) -> None:
    assert keys.given_to(CHARGE, ["a"]) == (["a"], False)
    keys.read(1)
    assert keys.given_to(CHARGE, ["a"]) == (["a"], False)


def test_a_second_step_is_refused_and_another_reading_is_its_own(keys: Keys) -> None:
    key = keys.read(1)
    keys.given_to(CHARGE, key)

    with pytest.raises(
        DefinitionError, match=r"step 'note' is given .* step 'charge' \(position 3"
    ):
        keys.given_to(NOTE, [key])
    assert keys.given_to(NOTE, keys.read(1)) == (step_key(RUN, 4), True)
    assert keys.given_to(CHARGE, key) == (step_key(RUN, 3), True)


def test_what_began_under_the_old_rule_gets_the_key_of_the_operation_after_the_reading(
    keys: Keys,
) -> None:
    key = keys.read(1)
    old = [Receiver(name="", position=position, as_before=True) for position in (3, 4)]

    assert [keys.given_to(each, key) for each in old] == [(step_key(RUN, 1), False)] * 2


@pytest.mark.parametrize(
    "make",
    [
        str,
        lambda key: f"order-{key}",
        lambda key: "order-" + key,
        lambda key: key + "-order",
        lambda key: "order-%s" % key,  # noqa: UP031
        lambda key: "order-{}".format(key),  # noqa: UP032
        lambda key: key[:8],
        lambda key: key.encode(),
        lambda key: key.upper(),
        lambda key: key.join("ab"),
        lambda key: list(key),
        quote,
    ],
)
def test_no_text_can_be_made_of_it(keys: Keys, make: Any) -> None:
    with pytest.raises(DefinitionError, match=r"hand run\.idempotency_key to a step as it is"):
        make(keys.read(1))


@pytest.mark.parametrize(
    "make", [lambda key: "-".join(["a", key]), lambda key: json.dumps({"key": key}), repr]
)
def test_a_text_that_it_was_made_into_all_the_same_is_refused(keys: Keys, make: Any) -> None:
    with pytest.raises(DefinitionError, match=r"step 'charge': hand run\.idempotency_key"):
        keys.given_to(CHARGE, [make(keys.read(1))])


def test_inside_what_cannot_be_copied_it_is_refused(keys: Keys) -> None:
    held = Open(lock=threading.Lock(), key=keys.read(1))

    with pytest.raises(DefinitionError, match="inside a Open, which cannot be copied"):
        keys.given_to(CHARGE, held)


def test_a_value_that_holds_itself_is_filled(keys: Keys) -> None:
    around: list[Any] = [keys.read(1)]
    around.append(around)

    [given, again], _ = keys.given_to(CHARGE, around)

    assert given == step_key(RUN, 3)
    assert again[0] == given


def test_where_no_step_receives_it_it_is_the_key_of_the_next_operation(keys: Keys) -> None:
    key = keys.read(1)

    before = keys.settled([key], "the result")
    keys.given_to(CHARGE, key)

    assert before == [step_key(RUN, 1)]
    assert keys.settled([key], "the result") == [step_key(RUN, 3)]


def test_readings_of_one_run_are_the_same_at_every_replay_and_of_no_other() -> None:
    mine, again, other = Keys(RUN), Keys(RUN), Keys(UUID(int=8))

    assert repr(mine.read(1)) == repr(again.read(1)) != repr(other.read(1))


def test_undoing_has_a_key_of_its_own() -> None:
    assert step_key(RUN, 3, undo=True) == f"{RUN}:3:undo"


def test_it_counts_as_a_text(keys: Keys) -> None:
    key = keys.read(1)

    assert isinstance(key, str)
    assert key
    assert {key: 1}[key] == 1


@pytest.mark.parametrize(
    ("wrap", "words"),
    [
        (lambda key: deque([key]), "inside a container that nothing can be filled into"),
        (lambda key: [key, partial(print, key)], "inside a container"),
        (lambda key: MappingProxyType({"key": key}), "inside a mappingproxy"),
        (lambda key: lambda: key, "<lambda> knows run.idempotency_key by itself"),
        (lambda key: [lambda given=key: given], "<lambda> knows run.idempotency_key by itself"),
    ],
)
def test_where_no_key_can_take_its_place_it_is_refused(keys: Keys, wrap: Any, words: str) -> None:
    with pytest.raises(DefinitionError, match=f"step 'charge': .*{words}"):
        keys.given_to(CHARGE, wrap(keys.read(1)))


def test_a_function_whose_variables_hold_no_reading_is_handed_on(keys: Keys) -> None:
    keys.read(1)
    function = lambda: json  # noqa: E731

    assert keys.given_to(CHARGE, function)[0] is function
