"""Runs in the Django admin: read-only with their steps and history; steered by actions."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from workflows import api
from workflows.conf import conf
from workflows.models import Run, Worker
from workflows.models.run import RunQuerySet
from workflows.run_actions import cancel, compensate, fork, pause, resume, retry
from workflows.schedule_admin import ScheduleAdmin
from workflows.ui import icons
from workflows.ui.confirm import TakesOnlyIds
from workflows.ui.parts import json_text, lasting, moment, table
from workflows.ui.text_filter import text_filter

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin

__all__ = ["RunAdmin", "ScheduleAdmin"]


@admin.register(Run)
class RunAdmin(TakesOnlyIds, RunModelAdmin):
    """Nothing is edited here: a run is steered through the api, which records who did it."""

    class Media:
        css = {"all": ("workflows/ui.css", "workflows/admin.css")}

    actions = (cancel, retry, pause, resume, compensate, fork)
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
    list_filter = (
        *("state", "workflow", "priority"),
        # What partial indexes leave out is named, as in store/found_runs.py.
        text_filter("owner", lambda owner: Q(owner=owner) & ~Q(owner="")),
        text_filter("tag", lambda tag: Q(tags__contains=[tag]) & ~Q(tags=[])),
        text_filter("subject", lambda subject: Q(subject=subject) & ~Q(subject="")),
    )
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
                    "owner",
                    "tags",
                    "subject",
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
                why = _without_code(missing.workflow, missing.version, missing.step_pool)
                text = f"{missing.runs} due: {why}"
                self.message_user(request, text, messages.WARNING)
        return super().changelist_view(request, extra_context)

    @admin.display(description="problem")
    def problem(self, run: Run) -> str:
        now = _view(run)
        told = [_told(now.error)] if now.error else []
        if now.code_missing:
            told.append(_without_code(run.workflow, run.version, run.step_pool))
        if now.compensation_error:
            told.append(f"not undone: {_told(now.compensation_error)}")
        return "; ".join(told) or "-"

    @admin.display(description="input")
    def input_text(self, run: Run) -> SafeString:
        return json_text(_view(run).input)

    @admin.display(description="output")
    def output_text(self, run: Run) -> SafeString:
        return json_text(_view(run).output)

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
                for step in api.list_steps(run.pk, decrypt=conf().admin_decrypts)
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
                for entry in api.get_history(run.pk, decrypt=conf().admin_decrypts)
            ),
        )


def _view(run: Run) -> api.RunView:
    return api.get_run(run.pk, decrypt=conf().admin_decrypts)


def _attempts(step: api.StepView) -> str:
    lost = f"{step.lost} lost" if step.lost else ""
    return ", ".join(filter(None, [str(step.attempts or ""), lost]))


def _told(error: dict[str, Any] | None) -> str:
    if not error:
        return ""
    kind = f" ({error['kind'].replace('_', ' ')})" if error.get("kind") else ""
    return f"{error['type']}: {error['message']}{kind}"


def _without_code(workflow: str, version: int, step_pool: str) -> str:
    pool = step_pool or api.named_pool(workflow, version)
    if pool is not None:
        return (
            f"no living worker serves the pool {pool!r} of {workflow} version {version}; start a cluster "
            f"with `runcluster --pool {pool}`."
        )
    return (
        f"no living worker has code for {workflow} version {version}; start the clusters again so that "
        "they read new code, or deploy it."
    )
