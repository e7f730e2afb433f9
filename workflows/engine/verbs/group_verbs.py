"""The context's verbs for several steps at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workflows.core.decide import Operation
from workflows.core.errors import DefinitionError
from workflows.core.lines import group_started
from workflows.definitions.step import step_definition
from workflows.engine.groups.group import (
    Call,
    OnError,
    Output,
    Results,
    check_arguments,
    check_calls,
    checked,
    make_group,
)
from workflows.engine.groups.run_group import run_group
from workflows.engine.verbs.positions import Operations


class Together(Operations):
    """gather and graph."""

    __slots__ = ()

    def call(
        self,
        function: Callable[..., Any],
        /,
        *args: Any,
        after: str | Sequence[str] = (),
        **kwargs: Any,
    ) -> Call:
        """Return a step with its arguments, for gather and graph. after: names in a graph."""
        step, args, kwargs = checked(step_definition(function), args, kwargs)
        names = (after,) if isinstance(after, str) else tuple(after)
        return Call(step=step, args=args, kwargs=kwargs, after=names)

    def output(self, name: str) -> Output:
        """Stand for the result of another call of the same graph, in a call's arguments."""
        return Output(name=name)

    def gather(self, *calls: Call, limit: int = 8, on_error: OnError = "stop") -> list[Any]:
        """Run steps at once, at most limit of them, in threads of this worker; return the results
        in the order of the calls.

        on_error  "stop": nothing more starts after a failure, and StepFailed is raised once what
                  runs has ended. "compensate": also, the completed ones are undone first.
                  "continue": all run; a failed one has its StepFailed in the place of the result.
        Each thread has a database connection of its own. A limit of a step stops it where it runs
        Python; what sits in a system call needs a time-out of its own there.
        """
        if len(calls) == 1 and isinstance(calls[0], list | tuple):
            raise DefinitionError("gather: give the calls one by one: run.gather(*calls)")
        named = {str(number): call for number, call in enumerate(calls)}
        if any(isinstance(call, Call) and call.needs for call in calls):
            raise DefinitionError("gather: calls that wait for others belong into run.graph({…})")
        results = self._group(named, limit, on_error)
        return [results[name] for name in named]

    def graph(
        self, calls: Mapping[str, Call], *, limit: int = 8, on_error: OnError = "stop"
    ) -> dict[str, Any]:
        """Run steps by their dependencies, as parallel as these allow; return results by name.

        A call made with after=["a"] starts when a has completed; run.output("a") as one of its
        arguments stands for a's result, and makes it wait for a as well. What depends on a failed call is not run: with
        on_error="continue" its result is missing. Raises DefinitionError for a cycle.
        """
        if not isinstance(calls, Mapping):
            raise DefinitionError('graph: give a dictionary of calls by name: {"a": run.call(…)}')
        return self._group(dict(calls), limit, on_error)

    def _group(self, calls: dict[str, Call], limit: int, on_error: OnError) -> Results:
        check_calls(calls, limit, on_error)
        session, names = self._session, [call.step.name for call in calls.values()]
        position, outcome = self._take(Operation("group", ", ".join(names)))
        if outcome is None:
            for call in calls.values():
                check_arguments(call.step, call.args, call.kwargs, in_graph=True)
            self._record(group_started(position, names))
        session.position += len(calls)
        return run_group(session, make_group(position + 1, calls, limit=limit, on_error=on_error))
