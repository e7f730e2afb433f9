"""What the outline of a workflow is made of: plain data, a class for each thing that code does."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias

END_OF = "end of "
"""How a wait names the end of a child; the handle's expression follows."""


class ActKind(enum.StrEnum):
    """What the code asks of its run."""

    STEP = "step"
    WAIT = "wait"
    """For an event, the end of a child, or whichever comes first."""
    SLEEP = "sleep"
    CHILD = "child"
    """A child run is started; of `map`, waited for as well."""
    SEND = "send"
    """An event is sent to another run."""
    UPDATE = "update"
    """From here on, updates of this name are answered."""
    CLEANUP = "cleanup"
    """A step is to run when the run ends."""
    STATUS = "status"
    """The label for people changes."""
    UNKNOWN = "unknown"
    """The run is handed to code that cannot be read."""


class LeaveKind(enum.StrEnum):
    """How the code leaves where it is."""

    RETURN = "return"
    RAISE = "raise"
    BREAK = "break"
    CONTINUE = "continue"
    ANEW = "continue_as_new"


class GroupKind(enum.StrEnum):
    """What does several things at once."""

    GATHER = "gather"
    GRAPH = "graph"
    MAP = "map"


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that the code asks of its run."""

    kind: ActKind
    names: tuple[str, ...]
    """The step, the child's workflow, the events waited for, the label: as history has them."""
    line: int
    """Of the file that its function is written in."""
    known: bool = True
    """False: a run alone tells the name; `names` has the expression as it is written."""
    detail: str = ""
    """How long it waits, as it is written; "" for anything else."""
    undo: str = ""
    """The step that undoes it; "" for none."""
    many: bool = False
    """Once for each of a list."""
    body: "tuple[Part, ...]" = ()
    """What the handler of an update does."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way of several."""

    label: str
    body: "tuple[Part, ...]"


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One of several ways is gone. condition: as it is written."""

    condition: str
    line: int
    arms: tuple[Arm, ...]

    @property
    def told(self) -> str:
        """The condition as a question."""
        return self.condition if len(self.arms) > 2 else f"if {self.condition}"


@dataclass(frozen=True, kw_only=True)
class Loop:
    """A body that is gone through again and again. condition: as it is written."""

    condition: str
    line: int
    endless: bool
    """Only a break, a return or an error leaves it."""
    body: "tuple[Part, ...]"
    otherwise: "tuple[Part, ...]" = ()


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One of the things that are done at once."""

    name: str
    """In a graph, what the others know it by; "" elsewhere."""
    after: tuple[str, ...]
    """The lanes that it waits for."""
    body: "tuple[Part, ...]"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Several things at once."""

    kind: GroupKind
    line: int
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A `try`. handlers: by what they catch; last: what is done in any case."""

    line: int
    body: "tuple[Part, ...]"
    handlers: tuple[Arm, ...]
    otherwise: "tuple[Part, ...]"
    last: "tuple[Part, ...]"


@dataclass(frozen=True, kw_only=True)
class Helper:
    """A function of the project that is called with the run."""

    name: str
    line: int
    body: "tuple[Part, ...]"


@dataclass(frozen=True, kw_only=True)
class Leave:
    """The code leaves. text: what it returns or raises, where that is short."""

    kind: LeaveKind
    text: str
    line: int


Part: TypeAlias = Act | Branch | Loop | Group | Guarded | Helper | Leave


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A workflow as its source tells it."""

    workflow: str
    version: int
    readable: bool
    """Whether there was source to read; without any, the body is one unknown step."""
    body: tuple[Part, ...]


def inside(part: Part) -> Iterator[tuple[Part, ...]]:
    """Yield the bodies that a part has."""
    match part:
        case Act() | Helper():
            yield part.body
        case Branch():
            yield from (arm.body for arm in part.arms)
        case Loop():
            yield from (part.body, part.otherwise)
        case Group():
            yield from (lane.body for lane in part.lanes)
        case Guarded():
            handlers = (arm.body for arm in part.handlers)
            yield from (part.body, *handlers, part.otherwise, part.last)


def acts(body: Iterable[Part]) -> Iterator[Act]:
    """Yield what is asked of the run, at any depth, in the order of the code."""
    for part in body:
        if isinstance(part, Act):
            yield part
        for below in inside(part):
            yield from acts(below)


def is_shown(part: Part) -> bool:
    """Whether a part asks for anything at any depth; a place where the code leaves is no such thing."""
    if isinstance(part, Act):
        return True
    if isinstance(part, Leave):
        return part.kind == LeaveKind.ANEW
    return any(is_shown(each) for body in inside(part) for each in body)


def plain(value: Any) -> Any:
    """Return an outline, or a part of one, as JSON values; each part says its class as "part"."""
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {"part": type(value).__name__.lower(), **told}
    return [plain(each) for each in value] if isinstance(value, tuple) else value
