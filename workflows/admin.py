"""Runs in the Django admin: read-only with their steps and history; steered by actions."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from workflows import api
from workflows.models import Run, Worker
from workflows.models.run import RunQuerySet
from workflows.schedule_admin import ScheduleAdmin
from workflows.ui import icons
from workflows.ui.confirm import Deed, NotDone, TakesOnlyIds, confirm_then_act
from workflows.ui.parts import json_text, lasting, moment, table

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin

Runs = QuerySet[Run]


__all__ = ["RunAdmin", "ScheduleAdmin"]


class WhyForm(forms.Form):
    """Asked for with every deed."""

    reason = forms.CharField(max_length=500, required=False, help_text="Kept in the history.")


def deed(label: str, verb: Callable[..., bool], refused: Mapping[api.RunState, str]) -> Deed[Run]:
    """Return what an action does to each run: one call of the api, with the name of who asks.

    refused: by the states in which it does nothing, why that is so and what helps instead.
    """

    def refuse(run: Run) -> str:
        # A cancel of a run that went on reaches the one that goes on.
        return "" if run.continued_as else refused.get(api.RunState(run.state), "")

    def do(request: HttpRequest, run: Run, asked: dict[str, Any]) -> str:
        try:
            who = request.user.get_username()
            if verb(run.pk, by=who, reason=asked["reason"], via="admin"):
                return ""
            raise NotDone(f"{api.get_run(run.pk).state} is no state for it.")
        except api.RunNotFound:
            raise NotDone("no longer there.") from None

    return Deed(
        label=label,
        question=f"{label} these runs?",
        explanation="What is done is recorded in each run's history with your name and reason.",
        describe=lambda run: f"{run.workflow} {run.pk} ({run.state})",
        do=do,
        refuse=refuse,
        form_class=WhyForm,
    )


_S = api.RunState
_AGAIN = "start a new run with its input, under another key"
_DRIVEN = "a worker drives it now; wait for it, or cancel it."
_NOT_UNDONE = "only failed and cancelled runs can be undone; cancel it first."
CANCEL = deed(
    "Cancel",
    api.cancel,
    {state: f"{state} is final." for state in (_S.COMPLETED, _S.FAILED, _S.CANCELLED)}
    | {_S.COMPENSATED: "compensated is final.", _S.CANCELLING: "it is being cancelled already."}
    | {_S.COMPENSATING: "a run that is being undone cannot be cancelled."},
)
RETRY_NOW = deed(
    "Retry now",
    api.retry_now,
    {_S.RUNNING: _DRIVEN, _S.CANCELLING: "it is being cancelled."}
    | {_S.COMPLETED: f"completed is final; to do it again, {_AGAIN}."}
    | {_S.COMPENSATED: f"compensated is final; to do it again, {_AGAIN}."}
    | {
        state: f"{state} is final; Compensate undoes its steps; to do it again, {_AGAIN}."
        for state in (_S.FAILED, _S.CANCELLED)
    },
)
COMPENSATE = deed(
    "Compensate",
    api.compensate,
    dict.fromkeys((_S.PENDING, _S.RUNNING, _S.WAITING, _S.BLOCKED), _NOT_UNDONE)
    | {_S.CANCELLING: "it is being cancelled; once it has ended it can be undone."}
    | {_S.COMPLETED: "a completed run is not undone.", _S.COMPENSATED: "it is undone already."}
    | {_S.COMPENSATING: "it is being undone already."},
)


@admin.action(description="Cancel", permissions=["steer"])
def cancel(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then cancel each run through the api."""
    return confirm_then_act(model_admin, request, runs, CANCEL)


@admin.action(description="Retry now", permissions=["steer"])
def retry_now(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then wake each waiting or blocked run through the api."""
    return confirm_then_act(model_admin, request, runs, RETRY_NOW)


@admin.action(description="Compensate", permissions=["steer"])
def compensate(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then have the completed steps of each failed or cancelled run undone."""
    return confirm_then_act(model_admin, request, runs, COMPENSATE)


@admin.register(Run)
class RunAdmin(TakesOnlyIds, RunModelAdmin):
    """Nothing is edited here: a run is steered through the api, which records who did it."""

    class Media:
        css = {"all": ("workflows/ui.css", "workflows/admin.css")}

    actions = (cancel, retry_now, compensate)
    list_display = (
        "short_id",
        "workflow",
        "badge",
        "status",
        "priority",
        "tenant",
        "attempt",
        "crashes_in_a_row",
        "wake_at",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "workflow", "priority")
    search_fields = ("=id", "=key", "=tenant", "workflow")
    ordering = ("-created_at",)
    show_full_result_count = False
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "workflow",
                    "version",
                    "badge",
                    "status",
                    "key",
                    "priority",
                    "tenant",
                    "problem",
                )
            },
        ),
        (
            "Times",
            {"fields": ("created_at", "started_at", "finished_at", "took", "wake_at", "waits_for")},
        ),
        ("Worker", {"fields": ("attempt", "crashes_in_a_row", "worker", "lease_until")}),
        ("Values", {"fields": ("input_text", "output_text")}),
        ("Steps", {"fields": ("steps",)}),
        ("History", {"fields": ("history_lines",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> RunQuerySet:
        return cast(RunQuerySet, super().get_queryset(request)).counting_crashes()

    def has_steer_permission(self, request: HttpRequest) -> bool:
        """Asked by the actions."""
        return request.user.has_perm("workflows.change_run")

    @admin.display(description="run", ordering="id")
    def short_id(self, run: Run) -> str:
        return str(run.pk)[:8]

    @admin.display(description="state", ordering="state")
    def badge(self, run: Run) -> SafeString:
        return icons.badge(run.state)

    @admin.display(description="crashes", ordering="crashes")
    def crashes_in_a_row(self, run: Any) -> int:
        return int(run.crashes_in_a_row)

    @admin.display(description="worker")
    def worker(self, run: Run) -> str:
        if run.worker_id is None:
            return "-"
        known = Worker.objects.filter(pk=run.worker_id).first()
        where = f"{known.host}, pid {known.pid}" if known else "forgotten"
        return f"{run.worker_id}: {where}"

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        if run.started_at is None or run.finished_at is None:
            return "-"
        return lasting(run.finished_at - run.started_at)

    @admin.display(description="waits for")
    def waits_for(self, run: Run) -> str:
        return ", ".join(run.waiting_for) or "-"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Tell first what nobody drives, which else looks like a queue."""
        if request.method == "GET":
            for missing in api.list_missing_code():
                text = f"{missing.runs} due: {_without_code(missing.workflow, missing.version)}"
                self.message_user(request, text, messages.WARNING)
        return super().changelist_view(request, extra_context)

    @admin.display(description="problem")
    def problem(self, run: Run) -> str:
        told = [_told(run.error)] if run.error else []
        if api.get_run(run.pk).code_missing:
            told.append(_without_code(run.workflow, run.version))
        if run.compensation_error:
            told.append(f"not undone: {_told(run.compensation_error)}")
        return "; ".join(told) or "-"

    @admin.display(description="input")
    def input_text(self, run: Run) -> SafeString:
        return json_text(run.defaults | run.input)

    @admin.display(description="output")
    def output_text(self, run: Run) -> SafeString:
        return json_text(run.output)

    @admin.display(description="steps")
    def steps(self, run: Run) -> SafeString:
        return table(
            ("No.", "Step", "State", "Attempts", "Time (UTC)", "Took", "Worker", "Problem"),
            (
                (
                    step.position or "",
                    step.name,
                    icons.badge(step.state),
                    _attempts(step),
                    moment(step.retry_at or step.ended_at or step.running_since),
                    lasting(step.duration),
                    f"{step.host}, pid {step.pid}" if step.host else "",
                    _told(step.compensation_error or step.error),
                )
                for step in api.list_steps(run.pk)
            ),
        )

    @admin.display(description="history")
    def history_lines(self, run: Run) -> SafeString:
        return table(
            ("No.", "Time (UTC)", "What", "Name", "Data"),
            (
                (
                    entry.position or "",
                    moment(entry.at),
                    entry.kind.replace("_", " "),
                    entry.name,
                    json_text(entry.data) if entry.data else "",
                )
                for entry in api.get_history(run.pk)
            ),
        )


def _attempts(step: api.StepView) -> str:
    lost = f"{step.lost} lost" if step.lost else ""
    return ", ".join(filter(None, [str(step.attempts or ""), lost]))


def _told(error: dict[str, Any] | None) -> str:
    return f"{error['type']}: {error['message']}" if error else ""


def _without_code(workflow: str, version: int) -> str:
    pool = api.named_pool(workflow, version)
    if pool is not None:
        return (
            f"no living worker serves the pool {pool!r} of {workflow} version {version}; start a cluster "
            f"with `runcluster --pool {pool}`."
        )
    return (
        f"no living worker has code for {workflow} version {version}; start the clusters again so that "
        "they read new code, or deploy it."
    )
