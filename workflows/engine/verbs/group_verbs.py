"""The context's verbs for several steps at once."""

from collections.abc import Mapping
from typing import Any

from workflows.core.decide import Operation
from workflows.core.errors import DefinitionError
from workflows.core.line_fields import OWN_KEYS
from workflows.core.lines import group_started
from workflows.engine.groups.calling import MakeCall
from workflows.engine.groups.group import (
    Call,
    Found,
    OnError,
    Output,
    Results,
    check_arguments,
    check_calls,
    make_group,
)
from workflows.engine.groups.run_group import run_group, take_keys
from workflows.engine.verbs.positions import Operations


class Groups(Operations):
    """call, output and graph."""

    __slots__ = ()

    call = MakeCall()
    """A step with its arguments, for gather and graph: run.call(step, …)."""

    def output(self, name: str) -> Any:
        """Stand for the result of another call of the same graph, in a call's arguments.

        Any, for type checkers: only the graph knows what the name will stand for.
        """
        return Output(name=name)

    def graph(
        self, calls: Mapping[str, Call[Any]], *, limit: int = 8, on_error: OnError = "stop"
    ) -> Found:
        """Run steps by their dependencies, as parallel as these allow; return results by name:
        found["a"] (Any, for type checkers), or found.of(call), which has the type of its step.

        A call made with after=["a"] starts when a has completed; run.output("a") as one of its
        arguments stands for a's result, and makes it wait for a as well. What depends on a failed call is not run: with
        on_error="continue" its result is missing. Raises DefinitionError for a cycle.
        """
        if not isinstance(calls, Mapping):
            raise DefinitionError('graph: give a dictionary of calls by name: {"a": run.call(…)}')
        named = dict(calls)
        return Found(named, self._group(named, limit, on_error))

    def _group(self, calls: dict[str, Call[Any]], limit: int, on_error: OnError) -> Results:
        check_calls(calls, limit, on_error)
        session, names = self._session, [call.step.name for call in calls.values()]
        position, outcome = self._take(Operation("group", ", ".join(names)))
        if outcome is None:
            for call in calls.values():
                check_arguments(call.step, call.args, call.kwargs, in_graph=True)
            self._record(group_started(position, names))
        begun = session.history.begun(position)
        as_before = begun is not None and not OWN_KEYS.find(begun)
        group = make_group(position + 1, calls, limit=limit, on_error=on_error)
        for branch in group.branches:
            take_keys(session, branch, as_before=as_before)
        session.position += len(calls)
        try:
            return run_group(session, group)
        finally:
            session.generators.close()
