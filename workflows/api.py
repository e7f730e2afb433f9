"""The front door: everything a Django app needs to write, start and steer workflows."""

from workflows.core.errors import (
    ChildFailed,
    DeadlineExceeded,
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
    UnfitPayload,
    UnknownWorkflow,
    ValueNotStorable,
    ValueTooLarge,
    WaitTimedOut,
    WorkflowError,
)
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.retry import RetryPolicy
from workflows.core.run import Event, RunId, RunView, StepInfo
from workflows.core.states import RunState
from workflows.core.step_views import StepState, StepView
from workflows.definitions.action import Action, action, list_actions
from workflows.definitions.step import Step, step
from workflows.definitions.workflow import Workflow, workflow
from workflows.engine.attempts.heartbeat import heartbeat
from workflows.engine.attempts.running_step import current_step
from workflows.engine.children.child_run import ChildHandle, Woken
from workflows.engine.execute_action import execute_action
from workflows.engine.groups.group import Call
from workflows.engine.history_export import export_history, replay_history
from workflows.engine.replay_check import Difference, replay_open_runs
from workflows.engine.requests.listing import list_runs, list_steps
from workflows.engine.requests.send_event import send_event
from workflows.engine.requests.start import start
from workflows.engine.requests.steering import cancel, compensate, retry_now
from workflows.engine.verbs.context import Context
from workflows.store.views import get_history, get_run
from workflows.store.workers import count_living as living_workers

__all__ = [
    "Action",
    "Call",
    "ChildFailed",
    "ChildHandle",
    "Context",
    "DeadlineExceeded",
    "DefinitionError",
    "Difference",
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
    "RunId",
    "RunIsOver",
    "RunNotFound",
    "RunState",
    "RunView",
    "Step",
    "StepError",
    "StepFailed",
    "StepInfo",
    "StepState",
    "StepView",
    "Transient",
    "UnfitPayload",
    "UnknownWorkflow",
    "ValueNotStorable",
    "ValueTooLarge",
    "WaitTimedOut",
    "Woken",
    "Workflow",
    "WorkflowError",
    "action",
    "cancel",
    "compensate",
    "current_step",
    "execute_action",
    "export_history",
    "get_history",
    "get_run",
    "heartbeat",
    "list_actions",
    "list_runs",
    "list_steps",
    "living_workers",
    "replay_history",
    "replay_open_runs",
    "retry_now",
    "send_event",
    "start",
    "step",
    "workflow",
]
