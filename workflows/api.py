"""The front door: everything a Django app needs to write, start and steer workflows."""

from workflows.core.charts import Span
from workflows.core.chunk import Chunk
from workflows.core.error_kind import ErrorKind
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
    RetryRefused,
    RunFailed,
    RunIsOver,
    RunNotFound,
    RunPruned,
    ScheduleNotFound,
    StepError,
    StepFailed,
    SubjectTaken,
    Transient,
    UnfitPayload,
    UnknownWorkflow,
    ValueNotStorable,
    ValueTooLarge,
    WaitTimedOut,
    WorkflowError,
)
from workflows.core.fork import ForkRefused
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.limit import Limit, LimitView, Rate
from workflows.core.retry import RetryPolicy
from workflows.core.run import Event, RunId, RunView, StepInfo
from workflows.core.run_filter import RunFilter
from workflows.core.schedule import Overlap, Rules, Schedule
from workflows.core.sealed import PayloadUnreadable
from workflows.core.start_window import Debounce, Throttle
from workflows.core.states import RunState
from workflows.core.step_views import StepState, StepView
from workflows.core.timing import Timing
from workflows.core.unwind import StepStopped
from workflows.core.update_errors import UpdateFailed, UpdateRefused, UpdateTimedOut
from workflows.core.why_facts import Cause, Reason
from workflows.core.work_keys import step_key, workflow_key
from workflows.definitions.action import Action, action, list_actions
from workflows.definitions.schedule import schedule
from workflows.definitions.step import Step, step
from workflows.definitions.workflow import Workflow, named_pool, workflow
from workflows.engine.attempts.emit import emit
from workflows.engine.attempts.heartbeat import heartbeat
from workflows.engine.attempts.running_step import current_step
from workflows.engine.children.child_run import ChildHandle, Woken
from workflows.engine.execute_action import execute_action
from workflows.engine.groups.group import Call
from workflows.engine.history_export import export_history, replay_history
from workflows.engine.replay_check import Difference, replay_open_runs
from workflows.engine.requests.charts import load_charts
from workflows.engine.requests.fork import fork
from workflows.engine.requests.limits import list_limits, set_limit
from workflows.engine.requests.listing import list_runs, list_steps
from workflows.engine.requests.overview import load_overview
from workflows.engine.requests.pause import pause, resume
from workflows.engine.requests.read_stream import read_stream
from workflows.engine.requests.result import result, wait_for
from workflows.engine.requests.retry import retry
from workflows.engine.requests.send_event import send_event
from workflows.engine.requests.send_or_start import send_or_start
from workflows.engine.requests.start import start
from workflows.engine.requests.start_many import start_many
from workflows.engine.requests.steer_runs import Steered, steer_runs
from workflows.engine.requests.steering import cancel, compensate, retry_now
from workflows.engine.requests.update import update, update_or_start
from workflows.engine.requests.why import why
from workflows.engine.schedules.steer_schedules import (
    backfill_schedule,
    delete_schedule,
    get_schedule,
    list_schedules,
    next_times,
    pause_schedule,
    put_schedule,
    resume_schedule,
    trigger_schedule,
)
from workflows.engine.verbs.context import Context
from workflows.picture.outline import load_outline
from workflows.picture.parts import Outline
from workflows.signals import (
    attempt_failed,
    bell_failed,
    chore_failed,
    chunks_lost,
    claim_abandoned,
    claim_refused,
    cluster_died,
    cluster_stalled,
    code_missing,
    database_away,
    database_back,
    database_hangs,
    drive_abandoned,
    drive_refused,
    heartbeat_unheard,
    history_long,
    hook_failed,
    lease_lost,
    lease_not_extended,
    liveness_failed,
    newer_code_awaited,
    run_blocked,
    run_claimed,
    run_finished,
    run_paused,
    run_resumed,
    run_retried,
    run_started,
    runs_pruned,
    runs_recovered,
    schedule_changed,
    schedule_failed,
    schedule_late,
    schedule_passed_over,
    schedule_paused,
    schedule_resumed,
    schedule_triggered,
    sentinel_hung,
    step_completed,
    tables_missing,
    worker_came,
    worker_failed,
    worker_went,
)
from workflows.store.missing_code import MissingCode, list_missing_code
from workflows.store.views import get_history, get_run
from workflows.store.workers import count_living as living_workers

__all__ = [
    "Action",
    "Call",
    "Cause",
    "ChildFailed",
    "ChildHandle",
    "Chunk",
    "Context",
    "DeadlineExceeded",
    "Debounce",
    "DefinitionError",
    "Difference",
    "DuplicateWorkflow",
    "ErrorKind",
    "Event",
    "ForkRefused",
    "HistoryEntry",
    "HistoryKind",
    "InvalidInput",
    "KeyConflict",
    "Limit",
    "LimitView",
    "MissingCode",
    "Outline",
    "Overlap",
    "PayloadUnreadable",
    "Permanent",
    "Rate",
    "Reason",
    "ReplayMismatch",
    "RequestError",
    "RetryPolicy",
    "RetryRefused",
    "Rules",
    "RunFailed",
    "RunFilter",
    "RunId",
    "RunIsOver",
    "RunNotFound",
    "RunPruned",
    "RunState",
    "RunView",
    "Schedule",
    "ScheduleNotFound",
    "Span",
    "Steered",
    "Step",
    "StepError",
    "StepFailed",
    "StepInfo",
    "StepState",
    "StepStopped",
    "StepView",
    "SubjectTaken",
    "Throttle",
    "Timing",
    "Transient",
    "UnfitPayload",
    "UnknownWorkflow",
    "UpdateFailed",
    "UpdateRefused",
    "UpdateTimedOut",
    "ValueNotStorable",
    "ValueTooLarge",
    "WaitTimedOut",
    "Woken",
    "Workflow",
    "WorkflowError",
    "action",
    "attempt_failed",
    "backfill_schedule",
    "bell_failed",
    "cancel",
    "chore_failed",
    "chunks_lost",
    "claim_abandoned",
    "claim_refused",
    "cluster_died",
    "cluster_stalled",
    "code_missing",
    "compensate",
    "current_step",
    "database_away",
    "database_back",
    "database_hangs",
    "delete_schedule",
    "drive_abandoned",
    "drive_refused",
    "emit",
    "execute_action",
    "export_history",
    "fork",
    "get_history",
    "get_run",
    "get_schedule",
    "heartbeat",
    "heartbeat_unheard",
    "history_long",
    "hook_failed",
    "lease_lost",
    "lease_not_extended",
    "list_actions",
    "list_limits",
    "list_missing_code",
    "list_runs",
    "list_schedules",
    "list_steps",
    "liveness_failed",
    "living_workers",
    "load_charts",
    "load_outline",
    "load_overview",
    "named_pool",
    "newer_code_awaited",
    "next_times",
    "pause",
    "pause_schedule",
    "put_schedule",
    "read_stream",
    "replay_history",
    "replay_open_runs",
    "result",
    "resume",
    "resume_schedule",
    "retry",
    "retry_now",
    "run_blocked",
    "run_claimed",
    "run_finished",
    "run_paused",
    "run_resumed",
    "run_retried",
    "run_started",
    "runs_pruned",
    "runs_recovered",
    "schedule",
    "schedule_changed",
    "schedule_failed",
    "schedule_late",
    "schedule_passed_over",
    "schedule_paused",
    "schedule_resumed",
    "schedule_triggered",
    "send_event",
    "send_or_start",
    "sentinel_hung",
    "set_limit",
    "start",
    "start_many",
    "steer_runs",
    "step",
    "step_completed",
    "step_key",
    "tables_missing",
    "trigger_schedule",
    "update",
    "update_or_start",
    "wait_for",
    "why",
    "worker_came",
    "worker_failed",
    "worker_went",
    "workflow",
    "workflow_key",
]
