"""Start a run, once per key, in the caller's transaction."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ParamSpec, overload

from workflows.core.errors import KeyConflict, RunPruned, SubjectTaken
from workflows.core.run import RunView
from workflows.core.signature import Input
from workflows.core.start_window import Debounce, Throttle
from workflows.definitions.workflow import Workflow
from workflows.definitions.workflow_guard import refuse
from workflows.engine import announcements
from workflows.engine.requests.start_in_window import start_in_window
from workflows.engine.requests.start_options import (
    Requested,
    StartOptions,
    asked_run,
    taken_out,
)
from workflows.store import runs as store
from workflows.store.chains import are_one
from workflows.store.views import get_run

P = ParamSpec("P")
Json = str | bytes | Mapping[str, Any]


class StartUsing:
    """start with options of its own: what follows in brackets is the workflow and its input."""

    def __init__(self, options: StartOptions) -> None:
        self._options = options

    @overload
    def __call__(
        self, workflow: Workflow[P, Any], /, *given: P.args, **input: P.kwargs
    ) -> RunView: ...
    @overload
    def __call__(self, workflow: str, /, *given: Any, **input: Any) -> RunView: ...
    def __call__(self, workflow: Any, /, *given: Any, **input: Any) -> RunView:
        """Start it, as `start` does."""
        return _start(workflow, given, input, self._options)


class Start:
    """start(workflow, **input): one INSERT, committed with the caller's transaction or lost with
    it.

    workflow is the function, or a name: the newest version of it.

    key               makes it idempotent: the same workflow, key and input return the run that is
                      there, in whatever state, with the options of its own start; another input
                      raises KeyConflict, the key of a run that was pruned RunPruned
    deadline_seconds  takes the place of the workflow's own; counted from `at`, where that is given
    priority          a whole number from -9 to 9: of the runs that are due, the highest go first
    tenant            a text: tenants take turns, so that one with many runs delays the others little
    at                an aware moment before which it is not driven
    subject           what it is about: a row of the database, or a text
    debounce          starts with the same key follow each other: the newest runs, once nobody has asked
                      for so long
    throttle          the first runs at once, then the newest in each span of time; either stands alone,
                      without the other, key and at
    owner, tags       by which people find it: list_runs(owner="ann", tags=["night"])
    attributes        what run.attributes begins with
    baggage           texts and numbers by name, seen by its children, steps and log lines
    input_json        in the place of the input: a JSON object, as text or as a mapping, whose values
                      are read as the parameters' annotations say ("2026-01-31" is a date)

    Where the function has a parameter of such a name (but for key), that is meant. Raises
    InvalidInput when the input does not fit the function, or an option cannot be; UnknownWorkflow
    when the function is no workflow.

    Type checkers hold the input to the function's parameters, unless an option stands beside it
    (PEP 612) or the workflow is a name: start.using(key=…)(workflow, **input) is checked as well.
    """

    @overload
    def __call__(
        self, workflow: Workflow[P, Any], /, *given: P.args, **input: P.kwargs
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any] | str,
        /,
        *given: Any,
        key: str | None,
        deadline_seconds: float | None = None,
        priority: int = 0,
        tenant: str = "",
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any],
        /,
        *given: Any,
        deadline_seconds: float,
        priority: int = 0,
        tenant: str = "",
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any],
        /,
        *given: Any,
        priority: int,
        tenant: str = "",
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, tenant: str, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, debounce: Debounce, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, throttle: Throttle, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, at: datetime, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, subject: object, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, owner: str, **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *given: Any, tags: Collection[str], **input: Any
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any],
        /,
        *given: Any,
        attributes: Mapping[str, Any],
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self,
        workflow: Workflow[..., Any],
        /,
        *given: Any,
        baggage: Mapping[str, Any],
        **input: Any,
    ) -> RunView: ...
    @overload
    def __call__(
        self, workflow: Workflow[..., Any], /, *, input_json: Json, **options: Any
    ) -> RunView: ...
    @overload
    def __call__(self, workflow: str, /, *given: Any, **input: Any) -> RunView: ...
    def __call__(
        self,
        workflow: Any,
        /,
        *given: Any,
        key: Any = None,
        **input: Any,
    ) -> RunView:
        """Start a run; see the class."""
        options = taken_out(workflow, input)
        return _start(workflow, given, input, StartOptions(key=key, **options))

    def using(
        self,
        *,
        key: str | None = None,
        deadline_seconds: float | None = None,
        priority: int = 0,
        at: datetime | None = None,
        subject: object = None,
        owner: str = "",
        attributes: Mapping[str, Any] | None = None,
        tags: Collection[str] = (),
        tenant: str = "",
        baggage: Mapping[str, Any] | None = None,
        debounce: Debounce | None = None,
        throttle: Throttle | None = None,
    ) -> StartUsing:
        """Return start with these options; its input is checked: start.using(key=…)(order, 7)."""
        return StartUsing(
            StartOptions(
                key=key,
                deadline_seconds=deadline_seconds,
                priority=priority,
                at=at,
                subject=subject,
                owner=owner,
                attributes=attributes,
                tags=tags,
                tenant=tenant,
                baggage=baggage,
                debounce=debounce,
                throttle=throttle,
            )
        )


start = Start()


def _start(
    workflow: Any, given: tuple[Any, ...], input: dict[str, Any], options: StartOptions
) -> RunView:
    refuse("calls start()", "write run.start_child(workflow, …)")
    asked = asked_run(workflow, given, input, options)
    return begin(asked) if asked.window is None else start_in_window(asked, asked.window, begin)


def begin(asked: Requested) -> RunView:
    """Insert the run, or return the one that its key has. Raises KeyConflict, RunPruned."""
    new = asked.new
    while (created := store.create_run(new)) is None:
        same = _same_run(asked)
        if same is not None:
            return get_run(same)
    announcements.run_started(new.id, new.workflow, new.version, key=new.key)
    return created


def _same_run(asked: Requested) -> uuid.UUID | None:
    """Return the run that has the key; None: it has just fallen free, try again. Raises KeyConflict,
    RunPruned."""
    workflow, key = asked.definition.name, str(asked.new.key)
    if asked.new.one_per_subject:
        taken = store.find_of_subject(workflow, asked.new.subject)
        by_key = None if asked.new.key is None else store.find_by_key(workflow, key)
        if taken is not None and (by_key is None or not are_one(by_key[0], taken)):
            raise SubjectTaken(workflow, asked.new.subject, str(taken))
    if asked.new.key is None:
        return None
    found = store.find_by_key(workflow, key)
    if found is None:
        pruned = store.find_pruned(workflow, key)
        if pruned is not None:
            raise RunPruned(workflow, key, str(pruned[0]), pruned[1])
        return None
    run_id, known = found
    refuse_other_input(asked, known)
    return run_id


def refuse_other_input(asked: Requested, known: Input) -> None:
    """Raise KeyConflict where the run that has the key was started with another input."""
    if not asked.definition.signature.is_same(known, asked.new.input):
        raise KeyConflict(
            f"key {asked.new.key!r} of {asked.definition.name!r} was used with another input; "
            "use a new key for new work"
        )
