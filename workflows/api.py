"""The front door: everything a Django app needs to write, start and steer workflows."""

from workflows.core.errors import (
    DefinitionError,
    DuplicateWorkflow,
    InvalidInput,
    KeyConflict,
    Permanent,
    ReplayMismatch,
    RequestError,
    RunIsOver,
    RunNotFound,
    StepError,
    StepFailed,
    Transient,
    UnknownWorkflow,
    ValueNotStorable,
    ValueTooLarge,
    WorkflowError,
)
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.retry import RetryPolicy
from workflows.core.run import Event, RunView, StepInfo
from workflows.core.states import RunState
from workflows.engine.attempt import current_step
from workflows.engine.context import Context
from workflows.engine.control import cancel, retry_now
from workflows.engine.deliver import send_event
from workflows.engine.start import start
from workflows.registry import step, workflow
from workflows.store.views import get_history, get_run, list_runs
from workflows.store.workers import count_living as living_workers

__all__ = [
    "Context",
    "DefinitionError",
    "DuplicateWorkflow",
    "Event",
    "HistoryEntry",
    "HistoryKind",
    "InvalidInput",
    "KeyConflict",
    "Permanent",
    "ReplayMismatch",
    "RequestError",
    "RetryPolicy",
    "RunIsOver",
    "RunNotFound",
    "RunState",
    "RunView",
    "StepError",
    "StepFailed",
    "StepInfo",
    "Transient",
    "UnknownWorkflow",
    "ValueNotStorable",
    "ValueTooLarge",
    "WorkflowError",
    "cancel",
    "current_step",
    "get_history",
    "get_run",
    "list_runs",
    "living_workers",
    "retry_now",
    "send_event",
    "start",
    "step",
    "workflow",
]
