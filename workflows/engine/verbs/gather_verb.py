"""run.gather, with a type for each place."""

from typing import Any, Literal, TypeVar, overload

from workflows.core.errors import DefinitionError, StepFailed
from workflows.engine.groups.group import Call, OnError
from workflows.engine.verbs.group_verbs import Groups

R1 = TypeVar("R1")
R2 = TypeVar("R2")
R3 = TypeVar("R3")
R4 = TypeVar("R4")
R5 = TypeVar("R5")
R6 = TypeVar("R6")
R = TypeVar("R")
OrRaise = Literal["stop", "compensate"]


class Gather(Groups):
    """gather. Type checkers keep the result of each of up to six calls, and of any number of one
    type; with on_error="continue", each may be a StepFailed."""

    __slots__ = ()

    @overload
    def gather(
        self, c1: Call[R1], c2: Call[R2], /, *, limit: int = ..., on_error: OrRaise = ...
    ) -> tuple[R1, R2]: ...
    @overload
    def gather(
        self, c1: Call[R1], c2: Call[R2], /, *, limit: int = ..., on_error: Literal["continue"]
    ) -> tuple[R1 | StepFailed, R2 | StepFailed]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        /,
        *,
        limit: int = ...,
        on_error: OrRaise = ...,
    ) -> tuple[R1, R2, R3]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        /,
        *,
        limit: int = ...,
        on_error: Literal["continue"],
    ) -> tuple[R1 | StepFailed, R2 | StepFailed, R3 | StepFailed]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        c4: Call[R4],
        /,
        *,
        limit: int = ...,
        on_error: OrRaise = ...,
    ) -> tuple[R1, R2, R3, R4]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        c4: Call[R4],
        /,
        *,
        limit: int = ...,
        on_error: Literal["continue"],
    ) -> tuple[R1 | StepFailed, R2 | StepFailed, R3 | StepFailed, R4 | StepFailed]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        c4: Call[R4],
        c5: Call[R5],
        /,
        *,
        limit: int = ...,
        on_error: OrRaise = ...,
    ) -> tuple[R1, R2, R3, R4, R5]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        c4: Call[R4],
        c5: Call[R5],
        /,
        *,
        limit: int = ...,
        on_error: Literal["continue"],
    ) -> tuple[
        R1 | StepFailed, R2 | StepFailed, R3 | StepFailed, R4 | StepFailed, R5 | StepFailed
    ]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        c4: Call[R4],
        c5: Call[R5],
        c6: Call[R6],
        /,
        *,
        limit: int = ...,
        on_error: OrRaise = ...,
    ) -> tuple[R1, R2, R3, R4, R5, R6]: ...
    @overload
    def gather(
        self,
        c1: Call[R1],
        c2: Call[R2],
        c3: Call[R3],
        c4: Call[R4],
        c5: Call[R5],
        c6: Call[R6],
        /,
        *,
        limit: int = ...,
        on_error: Literal["continue"],
    ) -> tuple[
        R1 | StepFailed,
        R2 | StepFailed,
        R3 | StepFailed,
        R4 | StepFailed,
        R5 | StepFailed,
        R6 | StepFailed,
    ]: ...
    @overload
    def gather(self, *calls: Call[R], limit: int = ..., on_error: OrRaise = ...) -> list[R]: ...
    @overload
    def gather(
        self, *calls: Call[R], limit: int = ..., on_error: Literal["continue"]
    ) -> list[R | StepFailed]: ...
    def gather(self, *calls: Call[Any], limit: int = 8, on_error: OnError = "stop") -> Any:
        """Run steps at once, at most limit of them, in threads of this worker (those that are async on
        its event loop); return the results in the order of the calls.

        on_error  "stop": nothing more starts after a failure, and StepFailed is raised once what
                  runs has ended. "compensate": also, the completed ones are undone first.
                  "continue": all run; a failed one has its StepFailed in the place of the result.
        What is returned is a list, whatever type checkers call it. Each thread has a database connection of its own. A limit of a step stops it where it runs
        Python; what sits in a system call needs a time-out of its own there.
        """
        if len(calls) == 1 and isinstance(calls[0], list | tuple):
            raise DefinitionError("gather: give the calls one by one: run.gather(*calls)")
        named = {str(number): call for number, call in enumerate(calls)}
        if any(isinstance(call, Call) and call.needs for call in calls):
            raise DefinitionError("gather: calls that wait for others belong into run.graph({…})")
        results = self._group(named, limit, on_error)
        return [results[name] for name in named]
