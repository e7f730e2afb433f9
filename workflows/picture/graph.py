"""The way through an outline: what is done, and what may follow what."""

import enum
from dataclasses import dataclass, field

from workflows.picture.parts import Act


class NodeKind(enum.StrEnum):
    """What a node of the picture is; the kinds of acts, and these."""

    START = "start"
    DECISION = "decision"
    LOOP = "loop"
    GROUP = "group"
    EXCEPT = "except"
    END = "end"
    ANEW = "anew"
    """The run goes on as a new one."""
    ERROR = "error"
    """The code raises what nobody catches."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One thing in the picture."""

    id: str
    kind: str
    """A NodeKind, or the ActKind of its act."""
    label: str
    line: int
    """Of the source; 0 for none."""
    act: Act | None = None
    within: tuple[str, ...] = ()
    """The helpers it is written in, the outermost first."""
    group: str = ""
    """The node of the gather, graph or map that it is one part of."""
    status: str = ""
    """The label for people that is set before it, where it is set."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One thing may follow another."""

    source: str
    target: str
    label: str = ""
    """The condition, in a word; the node says it whole."""
    fails: bool = False
    """It is gone when the source has failed."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A workflow as nodes and edges, the start first; both in the order of the code."""

    workflow: str
    version: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    following: dict[str, tuple[Edge, ...]] = field(default_factory=dict, compare=False, repr=False)
    """The edges that leave a node."""
