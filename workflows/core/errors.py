"""Everything the engine raises on purpose.

WorkflowError
├── DefinitionError          wrong where it is written; fix the code
│   ├── DuplicateWorkflow
│   └── UnknownWorkflow
├── RequestError             the caller asked for something impossible
│   ├── RunNotFound
│   ├── ScheduleNotFound
│   ├── RunIsOver
│   ├── RunPruned            the key's run has ended, and was deleted since
│   ├── RetryRefused         a failed run that cannot go on
│   ├── ForkRefused          a run that cannot be forked at this position
│   ├── KeyConflict
│   ├── SubjectTaken         another run of the subject is open
│   ├── UpdateRefused        the run does not take the update
│   └── InvalidInput
├── RunFailed                raised by result(): the run failed, or was cancelled
├── UpdateFailed             raised by update(): what its handler has raised
├── ValueNotStorable         a value cannot be kept as JSON
│   └── ValueTooLarge
├── StepError
│   ├── StepFailed           raised into workflow code: a step has failed for good
│   ├── ChildFailed          raised into workflow code: a child failed or was cancelled
│   ├── WaitTimedOut         a child, or a run that the outside waits for, took too long
│   │   └── UpdateTimedOut   the update was not answered in time; it still counts
│   ├── DeadlineExceeded     the run did not end by its deadline
│   ├── Permanent            raised by a step: do not try again
│   └── Transient            raised by a step: try again, perhaps after a given time
└── ReplayError
    ├── ReplayMismatch       history and code disagree
    ├── UnfitPayload         an event does not fit the type that the code gives it
    └── PayloadUnreadable    a value is encrypted with a key that is not here

Those of updates stand in core/update_errors.py, ForkRefused in core/fork.py, PayloadUnreadable in core/sealed.py. What unwinds workflow code is no error, and stands in core/unwind.py.
"""


class WorkflowError(Exception):
    """Base of every error below: catch this to catch them all."""

    code = "workflow_error"


class DefinitionError(WorkflowError):
    """A workflow or step is written in a way that cannot work."""

    code = "definition_error"


class DuplicateWorkflow(DefinitionError):
    """Two functions are registered under one name and version."""

    code = "duplicate_workflow"


class UnknownWorkflow(DefinitionError):
    """No code is registered for the name and version."""

    code = "unknown_workflow"


class RequestError(WorkflowError):
    """The caller asked for something that cannot be."""

    code = "request_error"


class RunNotFound(RequestError):
    """There is no run of that id."""

    code = "run_not_found"


class ScheduleNotFound(RequestError):
    """There is no schedule of that name."""

    code = "schedule_not_found"


class RunIsOver(RequestError):
    """The run has ended and takes no more events."""

    code = "run_is_over"


class RunPruned(RequestError):
    """The key's run has ended, as `state`, and was deleted since; nothing is started."""

    code = "run_pruned"

    def __init__(self, workflow: str, key: str, run_id: str, state: str) -> None:
        super().__init__(workflow, key, run_id, state)
        self.workflow, self.key, self.run_id, self.state = workflow, key, run_id, state

    def __str__(self) -> str:
        whose = f"key {self.key!r} of {self.workflow!r} was used: its run {self.run_id} was"
        return f"{whose} {self.state}, and pruned; nothing is started. Use a new key for new work"


class RetryRefused(RequestError):
    """A failed run cannot go on from what failed; the message says why, and what helps."""

    code = "retry_refused"


class KeyConflict(RequestError):
    """The key was used before, with another input or for another event."""

    code = "key_conflict"


class SubjectTaken(RequestError):
    """Another run of the subject is open, run_id, and its workflow says one_per_subject."""

    code = "subject_taken"

    def __init__(self, workflow: str, subject: str, run_id: str) -> None:
        super().__init__(workflow, subject, run_id)
        self.workflow, self.subject, self.run_id = workflow, subject, run_id

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.workflow!r} about {self.subject!r} is open; it is the only one"


class InvalidInput(RequestError):
    """The input does not fit the workflow's parameters."""

    code = "invalid_input"


class ValueNotStorable(WorkflowError):
    """A value cannot be kept as JSON, or does not fit its annotation."""

    code = "value_not_storable"


class ValueTooLarge(ValueNotStorable):
    """A value is larger, as JSON, than max_payload_bytes."""

    code = "value_too_large"


class StepError(WorkflowError):
    """Base of what steps raise and what workflow code gets from them."""

    code = "step_error"


class Permanent(StepError):
    """Raise it in a step when another attempt cannot help."""

    code = "permanent"


class Transient(StepError):
    """Raise it in a step when another attempt may help.

    retry_after_seconds, where given, takes the place of the back-off before the next attempt;
    the number of attempts stays the policy's.
    """

    code = "transient"
    message: str = ""
    retry_after_seconds: float | None = None

    def __init__(self, message: str = "", retry_after_seconds: float | None = None) -> None:
        given = retry_after_seconds
        if given is not None and (not isinstance(given, int | float) or given != given):
            raise TypeError(f"retry_after_seconds is {given!r}; give a number of seconds, or None")
        super().__init__(message, retry_after_seconds)
        self.message, self.retry_after_seconds = message, retry_after_seconds

    def __str__(self) -> str:
        return self.message


class StepFailed(StepError):
    """A step has failed for good: its attempts are used up, or it said that none can help. kind: an
    ErrorKind; "" in the history of an older release."""

    code = "step_failed"

    def __init__(
        self,
        step: str,
        error_type: str,
        message: str,
        attempts: int,
        permanent: bool = False,
        kind: str = "",
    ) -> None:
        super().__init__(step, error_type, message, attempts, permanent, kind)
        self.step, self.error_type, self.message = step, error_type, message
        self.attempts, self.permanent, self.kind = attempts, permanent, kind

    def __str__(self) -> str:
        tries = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return f"step {self.step!r} failed after {tries}: {self.error_type}: {self.message}"


class ChildFailed(StepError):
    """A child run failed, was cancelled or was compensated. run_id and state say which and how; kind, the
    ErrorKind of what it failed with."""

    code = "child_failed"

    def __init__(
        self,
        workflow: str,
        run_id: str,
        state: str,
        error_type: str,
        message: str,
        kind: str = "",
    ) -> None:
        super().__init__(workflow, run_id, state, error_type, message, kind)
        self.workflow, self.run_id, self.state = workflow, run_id, state
        self.error_type, self.message, self.kind = error_type, message, kind

    @property
    def cause(self) -> str:
        """What the child had failed with: type and message; "" where it was cancelled."""
        return f"{self.error_type}: {self.message}" if self.error_type else ""

    def __str__(self) -> str:
        why = f": {self.cause}" if self.cause else ""
        return f"child {self.workflow!r} ({self.run_id}) {self.state}{why}"


class RunFailed(WorkflowError):
    """A run whose result was asked for has failed, or was cancelled or compensated. run_id and state say
    which and how."""

    code = "run_failed"

    def __init__(
        self, workflow: str, run_id: str, state: str, error_type: str, message: str
    ) -> None:
        super().__init__(workflow, run_id, state, error_type, message)
        self.workflow, self.run_id, self.state = workflow, run_id, state
        self.error_type, self.message = error_type, message

    def __str__(self) -> str:
        why = f": {self.error_type}: {self.message}" if self.error_type else ""
        return f"run {self.run_id} of {self.workflow!r} {self.state}{why}"


class WaitTimedOut(StepError):
    """What was waited for, the end of a child or of a run, did not come in time; the run goes on."""

    code = "wait_timed_out"


class DeadlineExceeded(StepError):
    """The run did not end by its deadline."""

    code = "deadline_exceeded"


class ReplayError(WorkflowError):
    """The run cannot be replayed with the code at hand."""

    code = "replay_error"


class ReplayMismatch(ReplayError):
    """The code asks for one thing where history recorded another."""

    code = "replay_mismatch"

    def __init__(self, position: int, asked: str, recorded: str) -> None:
        super().__init__(position, asked, recorded)
        self.position, self.asked, self.recorded = position, asked, recorded

    def __str__(self) -> str:
        return (
            f"position {self.position} is {self.asked} in the code but {self.recorded} in "
            "history; put the old code back, or give the changed workflow a new version"
        )


class UnfitPayload(ReplayError):
    """An event brought something else than the type that the code gives it."""

    code = "unfit_payload"

    def __init__(self, event: str, faults: str) -> None:
        super().__init__(event, faults)
        self.event, self.faults = event, faults

    def __str__(self) -> str:
        return (
            f"event {self.event!r} does not fit its type: {self.faults}; the event is kept: let "
            "the code take what it brought, then retry_now"
        )
