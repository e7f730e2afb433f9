"""What workflow code may call. Everything durable goes through here."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn, ParamSpec, TypeVar

from workflows.core import lines
from workflows.core.codec import dumps, is_name, loads
from workflows.core.decide import Operation, check_end
from workflows.core.errors import DefinitionError, ReplayMismatch
from workflows.core.failure import storable
from workflows.core.history import HistoryKind
from workflows.core.time_checks import sensible_moment, sensible_seconds
from workflows.core.unwind import ContinueAsNew, LeaseLost
from workflows.definitions.action import Actions
from workflows.definitions.functions import RunContext
from workflows.definitions.step import AnyStep, StepDefinition, step_definition
from workflows.definitions.workflow import newest_definition
from workflows.definitions.workflow_guard import lifts_guard
from workflows.engine.attempts.running_step import current_step
from workflows.engine.attempts.step_attempt import attempt_step, recorded_output
from workflows.engine.attempts.step_job import forward_job, note_cleanup, note_completed
from workflows.engine.groups.group import check_arguments, checked
from workflows.engine.requests.new_run import encode_input
from workflows.engine.session.session import Session
from workflows.engine.verbs import waiting
from workflows.engine.verbs.child_verbs import Family
from workflows.engine.verbs.gather_verb import Gather
from workflows.engine.verbs.run_logger import RunLogger
from workflows.engine.verbs.updates import take_updates
from workflows.store import history as store
from workflows.store.heartbeats import show_progress

P = ParamSpec("P")
R = TypeVar("R")


@lifts_guard
class Context(Gather, Family, RunContext):
    """The first argument of every workflow function.

    Each durable operation takes the next position of the run. A position that history knows
    returns what was recorded; a new one happens now. Whatever a workflow needs from the world
    (clock, chance, ids, events, effects) goes through these methods, or a replay would differ.
    """

    __slots__ = ("log",)  # run.status = "…" is an error, and not forgotten

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._take_over_children()
        self.log = RunLogger(session)
        """A logger that says nothing while the run is being replayed."""

    @property
    def run_id(self) -> uuid.UUID:
        """The run's id."""
        return self._session.run.id

    @property
    def idempotency_key(self) -> str:
        """The key of the first step that receives it, at any depth of its arguments: the same at every
        attempt and after every crash.

        Hand it to the outside world along with the step: `run.step(charge, key=run.idempotency_key)`;
        inside a step, `current_step().idempotency_key` is the same value. Read it anew for each step,
        also of a gather. DefinitionError where a second step is given it, or a text made of it.
        """
        if current_step() is not None:
            raise DefinitionError("inside a step, write current_step().idempotency_key")
        self._refuse_elsewhere()
        return self._session.keys.read(self._session.position + 1)

    @property
    def baggage(self) -> dict[str, Any]:
        """A copy of what the run was started with, start(baggage=…); its children and steps have it too."""
        baggage: dict[str, Any] = loads(self._session.run.baggage)
        return baggage

    @property
    def data(self) -> dict[str, Any]:
        """A small mapping for readers outside (RunView.data), stored with the next record.

        Set by the code, the same way at every replay; JSON values only.
        """
        self._refuse_elsewhere()
        return self._session.notes.data.values

    @data.setter
    def data(self, values: Mapping[str, Any]) -> None:
        self._refuse_elsewhere()
        self._session.notes.data.replace(values)

    @property
    def attributes(self) -> dict[str, Any]:
        """Like data, but searchable: list_runs(attributes={"order": 7})."""
        self._refuse_elsewhere()
        return self._session.notes.attributes.values

    @attributes.setter
    def attributes(self, values: Mapping[str, Any]) -> None:
        self._refuse_elsewhere()
        self._session.notes.attributes.replace(values)

    @property
    def actions(self) -> Actions:
        """Registered actions by name: run.actions.send_invoice_email(recipient=…)."""
        return Actions(lambda step, parameters: self._step(step, (), parameters))

    def step(self, function: AnyStep[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a step once and return its result; a replay returns the recorded one.

        A failed attempt is followed by others as the step's retry policy says; the run is parked
        meanwhile. Raises StepFailed when the step has failed for good. An `async def` is awaited.
        """
        return self._step(*checked(step_definition(function), args, kwargs))  # type: ignore[no-any-return]

    def _step(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        session = self._session
        _ = step.signature.result  # a wrong annotation is told before the step runs
        position, outcome = self._take(Operation("step", step.name))
        if outcome is None:
            check_arguments(step, args, kwargs)
        job = forward_job(session, position, step, args, kwargs)
        if outcome is None:
            try:
                return attempt_step(session, job)
            finally:
                session.generators.close()
        session.generators.close()
        if outcome.kind == HistoryKind.STEP_FAILED:
            raise lines.step_failure(outcome).raised(step.name)
        output = recorded_output(session, step, outcome)
        note_completed(session, job)
        return output

    def on_end(self, function: AnyStep[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Have this step run when the run ends, however that comes: completed, failed, cancelled, at its
        deadline, or continued as new. Those said last run first.

        Recorded like a step, in one round trip. It runs as one: with its retries, limits and a key of
        its own, crashes or not, and no deadline stops it. Where the run undoes its steps, it runs at
        its place among them.
        """
        step = step_definition(function)
        if step.at_most_once:
            raise DefinitionError(
                f"action {step.name!r} cannot run at the end: a lost attempt would stay in doubt; "
                "make it atomic"
            )
        self._on_end(*checked(step, args, kwargs))

    def _on_end(self, step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        session = self._session
        position, outcome = self._take(Operation("on_end", step.name))
        if outcome is None:
            check_arguments(step, args, kwargs)
        job = forward_job(session, position, step, args, kwargs)
        note_cleanup(session, job)
        session.generators.close()
        if outcome is None:
            fact = lines.cleanup_set(position, step.name, job.received)
            session.record(lambda notes: store.set_cleanup(session.run, fact, notes=notes))

    def patched(self, patch: str) -> bool:
        """Say whether this run takes the code after a change (True) or before it (False).

        A run that had passed this place before the change was deployed keeps to the old code:
        `if run.patched("check-twice"): …`. The first answer holds for the whole run, in loops
        too. Remove the old branch once the runs that take it have ended; the call itself, once
        those that have taken the new one have ended as well.
        """
        session = self._session
        session.check_notes()
        if not is_name(patch):
            raise DefinitionError(f"patched({patch!r}): give the change a name")
        if patch not in session.patches:
            session.patches[patch] = self._take_patch(patch)
        return session.patches[patch]

    def _take_patch(self, patch: str) -> bool:
        session = self._session
        take_updates(session)
        entry = session.history.begun(session.position + 1)
        taken = entry is not None and entry.kind == HistoryKind.PATCH_TAKEN and entry.name == patch
        if not taken and session.history.last_position > session.position:
            return False
        position, outcome = self._take(Operation("patch", patch))
        if outcome is None:
            self._record(lines.patch_taken(position, patch))
        return True

    def continue_as_new(self, **input: Any) -> NoReturn:
        """End this run and go on as a new one with another input and an empty history.

        For loops without an end. The code waits for its children first; with keep_children=True (where
        the workflow has a parameter of that name, it is that) those whose ends the code has not seen go
        along, and run.children() of the new run begins with their handles. Events not consumed yet,
        the deadline, and the place among a parent's children go over to the new run, which takes
        the newest version there is code for; its id is RunView.continued_as. The key stays with
        the first run.
        """
        self._refuse_elsewhere()
        session = self._session
        session.check_notes()
        if session.answering:
            raise DefinitionError("the handler of an update answers it: continue_as_new behind it")
        signature = newest_definition(session.run.workflow).signature
        keeps = self._kept(input, signature)
        settled = session.keys.settled(input, "continue_as_new")
        encoded = encode_input(signature, settled, whose="continue_as_new")
        if keeps is None:
            self.join()
        try:
            check_end(session.history, session.position)
        except ReplayMismatch as mismatch:
            raise session.unwind(mismatch) from None
        session.before_new()
        raise session.unwind(ContinueAsNew(encoded, keeps or ()))

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Show how far the run is (RunView.progress). Leaves no line in history."""
        session = self._session
        session.check_notes()
        text = dumps({"done": done, "total": total, "note": storable(str(note), 500)})
        if session.only_replay or session.position < session.history.last_position:
            return
        with session.guarded():
            if not show_progress(session.run, text):
                raise session.unwind(LeaseLost())

    def sleep(self, seconds: float) -> None:
        """Wait for a time; the run holds nothing but its row. Never ends early."""
        seconds = sensible_seconds("sleep", seconds)
        self._sleep(seconds=seconds)

    def sleep_until(self, moment: datetime) -> None:
        """Wait until an aware time has come, by the database's clock."""
        moment = sensible_moment("sleep_until", moment)
        self._sleep(until=moment)

    def _sleep(self, *, seconds: float | None = None, until: datetime | None = None) -> None:
        while True:
            position, outcome = self._take(Operation("sleep"))
            if outcome is not None:
                self._replay_updates(outcome)
                return
            if waiting.sleep(self._session, position, seconds=seconds, until=until):
                return
            self._give_back()

    def set_status(self, label: str) -> None:
        """Set the label that people see on the run, at once. Up to 500 characters."""
        if not isinstance(label, str):
            raise DefinitionError(f"set_status: {label!r} is no text")
        label = storable(self._session.keys.settled(label, "set_status"), 500)
        position, outcome = self._take(Operation("status", label))
        if outcome is None:
            run, fact = self._session.run, lines.status_set(position, label)
            self._session.record(lambda notes: store.set_status(run, fact, notes=notes))

    def now(self) -> datetime:
        """Return the time of the last thing the run recorded (its creation, before any).

        It costs nothing and is the same at every replay; code between two operations takes no
        time worth telling.
        """
        self._unrecorded("now")
        return self._session.now

    def uuid(self) -> uuid.UUID:
        """Return a fresh id, the same at every replay (RFC 9562, version 5)."""
        position = self._unrecorded("uuid")
        return uuid.uuid5(self._session.id_at(position), f"uuid:{position}")

    def random(self) -> float:
        """Return a number from 0 up to 1, the same at every replay. Not for secrets."""
        position = self._unrecorded("random")
        return random.Random(f"{self._session.id_at(position)}:{position}").random()  # noqa: S311
