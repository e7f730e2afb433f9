"""What update() raises; their places in the tree stand in core/errors.py."""

from workflows.core.errors import RequestError, WaitTimedOut, WorkflowError


class UpdateRefused(RequestError):
    """The run does not take the update, for this reason; it has recorded nothing."""

    code = "update_refused"

    def __init__(self, run_id: str, update: str, reason: str) -> None:
        super().__init__(run_id, update, reason)
        self.run_id, self.update, self.reason = run_id, update, reason

    def __str__(self) -> str:
        return f"run {self.run_id} refuses the update {self.update!r}: {self.reason}"


class UpdateFailed(WorkflowError):
    """The handler of an update has raised; the run goes on. kind: an ErrorKind."""

    code = "update_failed"

    def __init__(
        self, run_id: str, update: str, error_type: str, message: str, kind: str = ""
    ) -> None:
        super().__init__(run_id, update, error_type, message, kind)
        self.run_id, self.update = run_id, update
        self.error_type, self.message, self.kind = error_type, message, kind

    def __str__(self) -> str:
        failed = f"update {self.update!r} of run {self.run_id} failed"
        return f"{failed}: {self.error_type}: {self.message}"


class UpdateTimedOut(WaitTimedOut):
    """An update was not answered in time. It still counts: ask again with its key."""

    code = "update_timed_out"
