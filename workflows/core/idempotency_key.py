"""run.idempotency_key: each reading of it belongs to the first step that receives it.

Which step that will be, and so its position, is not known when the key is read. Until then a reading
is a text that stands for the key; in the arguments of a step the step's key takes its place.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, NoReturn, TypeVar

from workflows.core.copies import copied
from workflows.core.errors import DefinitionError

T = TypeVar("T")

AS_IT_IS = (
    "hand run.idempotency_key to a step as it is: its text is known only to the step that receives "
    "it (there, current_step().idempotency_key is the same)"
)


def step_key(run_id: uuid.UUID, position: int, *, undo: bool = False) -> str:
    """Return the idempotency key of the step at this position, or of its compensation."""
    return f"{run_id}:{position}" + (":undo" if undo else "")


_MET = -1
"""Where the memo of a copy says that it has met a reading: no object has this id."""


class KeyReading(str):
    """A reading of run.idempotency_key: a text to type checkers, that nothing can be made of."""

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> "KeyReading":
        memo[_MET] = True
        return self


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise DefinitionError(AS_IT_IS)


_MAKES_NO_TEXT = ("__new__", "__hash__", "__eq__", "__ne__", "__repr__", "__len__", "__sizeof__")
_OF_TEXTS = {name for name in dir(str) if name not in dir(object)} | {"__str__", "__format__"}
for _name in (_OF_TEXTS | {"__radd__", "__rmod__"}) - {*_MAKES_NO_TEXT, "__getnewargs__"}:
    setattr(KeyReading, _name, _refuse)


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Who is given arguments: a step, at its position, or a child."""

    name: str
    """As messages call it: step 'charge'."""
    position: int
    as_before: bool = False
    """It began under the old rule, by which a reading is the key of the operation after it."""


@dataclass(kw_only=True)
class _Reading:
    next_position: int
    """Of the operation that followed the reading."""
    receiver: Receiver | None = None


class Keys:
    """The readings of one pass of the workflow's code."""

    def __init__(
        self, run_id: uuid.UUID, origin: Callable[[int], uuid.UUID | None] = lambda position: None
    ) -> None:
        """origin: the run whose key it is at a position of a fork, where that is not its own."""
        self._run_id, self._origin = run_id, origin
        self._readings: dict[str, _Reading] = {}
        self._mark = ""
        """How every reading begins, and nothing else."""

    def read(self, next_position: int) -> str:
        """Return a new reading."""
        if not self._mark:
            self._mark = f"{uuid.uuid5(self._run_id, 'idempotency_key')}:"
        text = f"{self._mark}{len(self._readings) + 1}"
        self._readings[text] = _Reading(next_position=next_position)
        return KeyReading(text)

    @property
    def were_read(self) -> bool:
        """Whether there are readings."""
        return bool(self._readings)

    def are_in(self, text: str) -> bool:
        """Say whether a text holds a reading."""
        return self.were_read and self._mark in text

    def given_to(self, receiver: Receiver, arguments: T) -> tuple[T, bool]:
        """Return the arguments, and whether the receiver's key has taken the place of a reading in
        them. Raises DefinitionError for a reading that another has received, or that something was
        made of."""
        if not self._readings:
            return arguments, False
        received: list[str] = []

        def key_for(text: str) -> str:
            received.append(text)
            return self._received(text, receiver)

        filled = self._replaced(arguments, key_for, receiver.name)
        return filled, bool(received) and not receiver.as_before

    def settled(self, value: T, where: str) -> T:
        """Return a value that no step receives, with the keys in it: each that of the step which has
        received it; before, that of the next operation. Raises DefinitionError."""
        return self._replaced(value, self._known, where) if self._readings else value

    def _received(self, text: str, receiver: Receiver) -> str:
        reading = self._readings[text]
        if receiver.as_before:
            return self._key(reading.next_position)
        first = reading.receiver = reading.receiver or receiver
        if first.position != receiver.position:
            raise DefinitionError(
                f"{receiver.name} is given a run.idempotency_key that {first.name} (position "
                f"{first.position}) has received; read it anew for each step"
            )
        return self._key(receiver.position)

    def _key(self, position: int) -> str:
        return step_key(self._origin(position) or self._run_id, position)

    def _known(self, text: str) -> str:
        reading = self._readings[text]
        position = reading.receiver.position if reading.receiver else reading.next_position
        return self._key(position)

    def _replaced(self, value: T, key_for: Callable[[str], str], where: str) -> T:
        kept: list[Any] = []
        copy = copied(value, kept)

        def replace(text: str) -> str:
            if str.__str__(text) in self._readings:
                return key_for(str.__str__(text))
            if self.are_in(str.__str__(text)):
                raise DefinitionError(f"{where}: {AS_IT_IS}")
            return text

        filled: T = _Walk(replace, {id(each) for each in kept}, where).through(copy)
        if _is_met_in(filled):
            raise DefinitionError(
                f"{where}: run.idempotency_key is inside a container that nothing can be filled into; "
                "hand it over in a list, a dictionary or a dataclass, or as an argument of its own"
            )
        return filled


class _Walk:
    """Replaces texts at any depth of a copy."""

    def __init__(self, replace: Callable[[str], str], kept: set[int], where: str) -> None:
        self._replace, self._kept, self._where = replace, kept, where
        self._seen: set[int] = set()

    def through(self, value: Any) -> Any:
        """Return the value with its texts replaced; what can be changed is changed in place."""
        if isinstance(value, str):
            return self._replace(value)
        if isinstance(value, tuple | frozenset):
            return self._made_anew(value)
        if isinstance(value, FunctionType):
            refuse_in_function(value, self._where)
        if value is None or isinstance(value, _WITHOUT_TEXTS) or id(value) in self._seen:
            return value
        self._seen.add(id(value))
        if id(value) in self._kept:
            self._refuse_in(value)
        elif isinstance(value, dict):
            items = [(self.through(name), self.through(each)) for name, each in value.items()]
            value.clear()
            value.update(items)
        elif isinstance(value, list):
            value[:] = [self.through(each) for each in value]
        elif isinstance(value, set):
            parts = [self.through(each) for each in value]
            value.clear()
            value.update(parts)
        else:
            self._through_attributes(value)
        return value

    def _made_anew(self, value: Any) -> Any:
        parts = [self.through(each) for each in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)

    def _through_attributes(self, value: Any) -> None:
        for name, old in list(_attributes(value)):
            new = self.through(old)
            if new is not old:
                object.__setattr__(value, name, new)  # of frozen dataclasses as well

    def _refuse_in(self, value: Any) -> None:
        """Nothing can be filled in where the caller's own object would be changed."""
        for each in _held_by(value):
            if isinstance(each, str) and self._replace(each) is not each:
                raise DefinitionError(
                    f"{self._where}: run.idempotency_key is inside a {type(value).__name__}, which "
                    "cannot be copied; hand it over as an argument of its own"
                )


def _is_met_in(value: Any) -> bool:
    """Say whether there is a reading in a value, also in what is not looked through above (a deque,
    functools.partial): to copy it is to meet them all."""
    memo: dict[int, Any] = {}
    try:
        deepcopy(value, memo)
    except Exception:  # what cannot be copied has been looked at
        parts = value.values() if type(value) is dict else value
        return type(value) in (dict, list, tuple) and any(map(_is_met_in, parts))
    return _MET in memo


def _held_by(value: Any) -> Iterator[Any]:
    yield from (each for _, each in _attributes(value))
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, Collection):
        yield from value


def refuse_in_function(function: FunctionType, where: str) -> None:
    """Raise DefinitionError where a function knows a reading by itself, as a variable around it or as a
    default: it would see no key."""
    cells = [each.cell_contents for each in function.__closure__ or () if each != _EMPTY]
    known = (*cells, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    if any(type(each) is KeyReading for each in known):
        raise DefinitionError(
            f"{where}: {function.__name__} knows run.idempotency_key by itself; hand it over as an "
            "argument, or use current_step().idempotency_key in the step"
        )


_EMPTY = CellType()
_WITHOUT_TEXTS = (int, float, bytes, type, ModuleType, FunctionType, MethodType)


def _attributes(value: Any) -> Iterable[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(value, name):
                yield name, getattr(value, name)
