"""The front door: everything a Django app needs to write, start and steer workflows."""

from workflows.core.charts import (
    Span as Span,
)
from workflows.core.chunk import (
    Chunk as Chunk,
)
from workflows.core.error_kind import (
    ErrorKind as ErrorKind,
)
from workflows.core.errors import (
    ChildFailed as ChildFailed,
    DeadlineExceeded as DeadlineExceeded,
    DefinitionError as DefinitionError,
    DuplicateWorkflow as DuplicateWorkflow,
    InvalidInput as InvalidInput,
    KeyConflict as KeyConflict,
    Permanent as Permanent,
    ReplayMismatch as ReplayMismatch,
    RequestError as RequestError,
    RetryRefused as RetryRefused,
    RunFailed as RunFailed,
    RunIsOver as RunIsOver,
    RunNotFound as RunNotFound,
    RunPruned as RunPruned,
    ScheduleNotFound as ScheduleNotFound,
    StepError as StepError,
    StepFailed as StepFailed,
    SubjectTaken as SubjectTaken,
    Transient as Transient,
    UnfitPayload as UnfitPayload,
    UnknownWorkflow as UnknownWorkflow,
    ValueNotStorable as ValueNotStorable,
    ValueTooLarge as ValueTooLarge,
    WaitTimedOut as WaitTimedOut,
    WorkflowError as WorkflowError,
)
from workflows.core.fork import (
    ForkRefused as ForkRefused,
)
from workflows.core.history import (
    HistoryEntry as HistoryEntry,
    HistoryKind as HistoryKind,
)
from workflows.core.limit import (
    Limit as Limit,
    LimitView as LimitView,
    Rate as Rate,
)
from workflows.core.retry import (
    RetryPolicy as RetryPolicy,
)
from workflows.core.run import (
    Event as Event,
    RunId as RunId,
    RunView as RunView,
    StepInfo as StepInfo,
)
from workflows.core.run_filter import (
    RunFilter as RunFilter,
)
from workflows.core.schedule import (
    Overlap as Overlap,
    Rules as Rules,
    Schedule as Schedule,
)
from workflows.core.sealed import (
    PayloadUnreadable as PayloadUnreadable,
)
from workflows.core.start_window import (
    Debounce as Debounce,
    Throttle as Throttle,
)
from workflows.core.states import (
    RunState as RunState,
)
from workflows.core.step_views import (
    StepState as StepState,
    StepView as StepView,
)
from workflows.core.timing import (
    Timing as Timing,
)
from workflows.core.unwind import (
    StepStopped as StepStopped,
)
from workflows.core.update_errors import (
    UpdateFailed as UpdateFailed,
    UpdateRefused as UpdateRefused,
    UpdateTimedOut as UpdateTimedOut,
)
from workflows.core.why_facts import (
    Cause as Cause,
    Reason as Reason,
)
from workflows.core.work_keys import (
    step_key as step_key,
    workflow_key as workflow_key,
)
from workflows.definitions.action import (
    Action as Action,
    action as action,
    list_actions as list_actions,
)
from workflows.definitions.schedule import (
    schedule as schedule,
)
from workflows.definitions.step import (
    Step as Step,
    step as step,
)
from workflows.definitions.workflow import (
    Workflow as Workflow,
    named_pool as named_pool,
    workflow as workflow,
)
from workflows.engine.attempts.emit import (
    emit as emit,
)
from workflows.engine.attempts.heartbeat import (
    heartbeat as heartbeat,
)
from workflows.engine.attempts.running_step import (
    current_step as current_step,
)
from workflows.engine.children.child_run import (
    ChildHandle as ChildHandle,
    Woken as Woken,
)
from workflows.engine.execute_action import (
    execute_action as execute_action,
)
from workflows.engine.groups.group import (
    Call as Call,
)
from workflows.engine.history_export import (
    export_history as export_history,
    replay_history as replay_history,
)
from workflows.engine.replay_check import (
    Difference as Difference,
    replay_open_runs as replay_open_runs,
)
from workflows.engine.requests.charts import (
    load_charts as load_charts,
)
from workflows.engine.requests.fork import (
    fork as fork,
)
from workflows.engine.requests.limits import (
    list_limits as list_limits,
    set_limit as set_limit,
)
from workflows.engine.requests.listing import (
    list_runs as list_runs,
    list_steps as list_steps,
)
from workflows.engine.requests.overview import (
    load_overview as load_overview,
)
from workflows.engine.requests.pause import (
    pause as pause,
    resume as resume,
)
from workflows.engine.requests.read_stream import (
    read_stream as read_stream,
)
from workflows.engine.requests.result import (
    result as result,
    wait_for as wait_for,
)
from workflows.engine.requests.retry import (
    retry as retry,
)
from workflows.engine.requests.send_event import (
    send_event as send_event,
)
from workflows.engine.requests.send_or_start import (
    send_or_start as send_or_start,
)
from workflows.engine.requests.start import (
    start as start,
)
from workflows.engine.requests.start_many import (
    start_many as start_many,
)
from workflows.engine.requests.steer_runs import (
    Steered as Steered,
    steer_runs as steer_runs,
)
from workflows.engine.requests.steering import (
    cancel as cancel,
    compensate as compensate,
    retry_now as retry_now,
)
from workflows.engine.requests.update import (
    update as update,
    update_or_start as update_or_start,
)
from workflows.engine.requests.why import (
    why as why,
)
from workflows.engine.schedules.steer_schedules import (
    backfill_schedule as backfill_schedule,
    delete_schedule as delete_schedule,
    get_schedule as get_schedule,
    list_schedules as list_schedules,
    next_times as next_times,
    pause_schedule as pause_schedule,
    put_schedule as put_schedule,
    resume_schedule as resume_schedule,
    trigger_schedule as trigger_schedule,
)
from workflows.engine.verbs.context import (
    Context as Context,
)
from workflows.picture.outline import (
    load_outline as load_outline,
)
from workflows.picture.parts import (
    Outline as Outline,
)
from workflows.signals import (
    attempt_failed as attempt_failed,
    bell_failed as bell_failed,
    chore_failed as chore_failed,
    chunks_lost as chunks_lost,
    claim_abandoned as claim_abandoned,
    claim_refused as claim_refused,
    cluster_died as cluster_died,
    cluster_stalled as cluster_stalled,
    code_missing as code_missing,
    database_away as database_away,
    database_back as database_back,
    database_hangs as database_hangs,
    drive_abandoned as drive_abandoned,
    drive_refused as drive_refused,
    heartbeat_unheard as heartbeat_unheard,
    history_long as history_long,
    hook_failed as hook_failed,
    lease_lost as lease_lost,
    lease_not_extended as lease_not_extended,
    liveness_failed as liveness_failed,
    newer_code_awaited as newer_code_awaited,
    run_blocked as run_blocked,
    run_claimed as run_claimed,
    run_finished as run_finished,
    run_paused as run_paused,
    run_resumed as run_resumed,
    run_retried as run_retried,
    run_started as run_started,
    runs_pruned as runs_pruned,
    runs_recovered as runs_recovered,
    schedule_changed as schedule_changed,
    schedule_failed as schedule_failed,
    schedule_late as schedule_late,
    schedule_passed_over as schedule_passed_over,
    schedule_paused as schedule_paused,
    schedule_resumed as schedule_resumed,
    schedule_triggered as schedule_triggered,
    sentinel_hung as sentinel_hung,
    step_completed as step_completed,
    tables_missing as tables_missing,
    worker_came as worker_came,
    worker_failed as worker_failed,
    worker_went as worker_went,
)
from workflows.store.missing_code import (
    MissingCode as MissingCode,
    list_missing_code as list_missing_code,
)
from workflows.store.views import (
    get_history as get_history,
    get_run as get_run,
)
from workflows.store.workers import living_workers as living_workers
