"""Steps that do nothing and answer as they did in a run's history, in the place of the real ones."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from types import FunctionType
from typing import Any, cast

from workflows.core.errors import Permanent
from workflows.core.failure import Failure
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.line_fields import ERROR, OUTPUT, PAYLOAD, PERMANENT
from workflows.core.lines import ended_child
from workflows.definitions.step import StepDefinition
from workflows.engine.attempts.running_step import running_step
from workflows.engine.debugging.told_history import by_position
from workflows.engine.groups.group import Call, OnError, Results
from workflows.engine.verbs.context import Context

_ANSWERS = {HistoryKind.STEP_COMPLETED, HistoryKind.STEP_FAILED, HistoryKind.ATTEMPT_FAILED}


def events_of(entries: Iterable[HistoryEntry]) -> list[tuple[str, Any]]:
    """Return the events that a run received. The ends of its children come by themselves."""
    return [
        (entry.name, PAYLOAD.of(entry))
        for entry in entries
        if entry.kind == HistoryKind.EVENT_RECEIVED and ended_child(entry) is None
    ]


class NoAnswer(Permanent):
    """The history has no result for an attempt: the run has taken another way."""


class RecordedSteps:
    """What the steps of a run returned or raised, to be said once more."""

    def __init__(self, entries: Iterable[HistoryEntry]) -> None:
        self._left: dict[str, list[HistoryEntry]] = defaultdict(list)
        for _, lines in sorted(by_position(entries).items()):
            for entry in lines:
                if entry.kind in _ANSWERS:
                    self._left[entry.name].append(entry)

    def in_place_of(self, step: StepDefinition) -> StepDefinition:
        """Return a step that does nothing. Its options stay, but it is never awaited."""
        undo = step.compensate
        return replace(
            step,
            function=cast(FunctionType, _StandIn(step, self)),
            is_async=False,
            compensate=None if undo is None else self.in_place_of(undo),
        )

    def answer(self, step: StepDefinition) -> Any:
        """Return what an attempt returned, or raise what it raised: that of the same position, else the
        next of this name. Of a compensation, and of what runs at the end, nobody reads it."""
        running = running_step()
        if running is not None and running.undo:
            return None
        position = None if running is None else running.info.position
        left = self._left[step.name]
        found = next((each for each in left if each.position == position), None) or next(
            iter(left), None
        )
        if found is None:
            raise NoAnswer(f"history has no further result of step {step.name!r}")
        left.remove(found)
        if found.kind != HistoryKind.STEP_COMPLETED:
            raise _raised(ERROR.of(found), is_permanent=bool(PERMANENT.find(found)))
        return step.signature.result.from_plain(OUTPUT.of(found))


class _StandIn:
    """The function of such a step: it knows no variables of others."""

    __closure__ = __defaults__ = __kwdefaults__ = None

    def __init__(self, step: StepDefinition, recorded: RecordedSteps) -> None:
        self.__name__ = step.function.__name__
        self._step, self._recorded = step, recorded

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._recorded.answer(self._step)


def _raised(error: Failure, *, is_permanent: bool) -> Exception:
    """Return an exception whose type is called as the recorded one."""
    module, _, name = error["type"].rpartition(".")
    kind = type(
        name, (Permanent if is_permanent else Exception,), {"__module__": module or "builtins"}
    )
    raised: Exception = kind(error["message"])
    return raised


class RecordedContext(Context):
    """Gives the run recorded steps, whatever the code asks for."""

    __slots__ = ()
    recorded: RecordedSteps

    def _step(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return super()._step(self.recorded.in_place_of(step), args, kwargs)

    def _on_end(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super()._on_end(self.recorded.in_place_of(step), args, kwargs)

    def _group(self, calls: dict[str, Call[Any]], limit: int, on_error: OnError) -> Results:
        stand_ins = {
            name: replace(call, step=self.recorded.in_place_of(call.step))
            if isinstance(call, Call)
            else call
            for name, call in calls.items()
        }
        return super()._group(stand_ins, limit, on_error)
