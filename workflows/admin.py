"""Runs in the Django admin: read-only with their steps and history; steered by actions."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from workflows import api
from workflows.models import Run
from workflows.models.run import RunQuerySet

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin

Runs = QuerySet[Run]


@admin.action(description="Cancel", permissions=["steer"])
def cancel(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then cancel each run through the api."""
    return _confirmed(model_admin, request, runs, "cancel", "Cancel", api.cancel)


@admin.action(description="Retry now", permissions=["steer"])
def retry_now(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then wake each waiting or blocked run through the api."""
    return _confirmed(model_admin, request, runs, "retry_now", "Retry now", api.retry_now)


@admin.action(description="Compensate", permissions=["steer"])
def compensate(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then have the completed steps of each failed or cancelled run undone."""
    return _confirmed(model_admin, request, runs, "compensate", "Compensate", api.compensate)


def _confirmed(
    model_admin: RunModelAdmin,
    request: HttpRequest,
    runs: Runs,
    action: str,
    label: str,
    verb: Callable[..., bool],
) -> HttpResponse | None:
    if "confirmed" not in request.POST:
        context = {
            **model_admin.admin_site.each_context(request),
            "title": f"{label}: {runs.count()} selected",
            "label": label,
            "action": action,
            "runs": runs,
            "opts": model_admin.opts,
        }
        return TemplateResponse(request, "admin/workflows/run/confirm.html", context)
    done = [run.pk for run in runs if _apply(verb, run.pk, request)]
    model_admin.message_user(request, f"{label}: {len(done)} done.", messages.SUCCESS)
    if left := runs.count() - len(done):
        text = f"{left} left as they were: not in a state for it."
        model_admin.message_user(request, text, messages.WARNING)
    return None


def _apply(verb: Callable[..., bool], run_id: UUID, request: HttpRequest) -> bool:
    return verb(run_id, by=request.user.get_username())


@admin.register(Run)
class RunAdmin(RunModelAdmin):
    """Nothing is edited here: a run is steered through the api, which records who did it."""

    actions = (cancel, retry_now, compensate)
    list_display = (
        "short_id",
        "workflow",
        "badge",
        "status",
        "attempt",
        "crashes_in_a_row",
        "wake_at",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "workflow")
    search_fields = ("=id", "=key", "workflow")
    ordering = ("-created_at",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("workflow", "version", "badge", "status", "key", "problem")}),
        (
            "Times",
            {"fields": ("created_at", "started_at", "finished_at", "wake_at", "waits_for")},
        ),
        ("Worker", {"fields": ("attempt", "crashes_in_a_row", "worker_id", "lease_until")}),
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
        return _badge(run.state)

    @admin.display(description="crashes", ordering="crashes")
    def crashes_in_a_row(self, run: Any) -> int:
        return int(run.crashes_in_a_row)

    @admin.display(description="waits for")
    def waits_for(self, run: Run) -> str:
        return ", ".join(run.waiting_for) or "-"

    @admin.display(description="problem")
    def problem(self, run: Run) -> str:
        told = [_told(run.error)] if run.error else []
        if run.compensation_error:
            told.append(f"not undone: {_told(run.compensation_error)}")
        return "; ".join(told) or "-"

    @admin.display(description="input")
    def input_text(self, run: Run) -> SafeString:
        return _pretty(run.defaults | run.input)

    @admin.display(description="output")
    def output_text(self, run: Run) -> SafeString:
        return _pretty(run.output)

    @admin.display(description="steps")
    def steps(self, run: Run) -> SafeString:
        return _table(
            ("No.", "Step", "State", "Attempts", "Time (UTC)", "Problem"),
            (
                (
                    step.position or "",
                    step.name,
                    _badge(step.state),
                    step.attempts or "",
                    _time(step.retry_at or step.ended_at),
                    _told(step.compensation_error or step.error),
                )
                for step in api.list_steps(run.pk)
            ),
        )

    @admin.display(description="history")
    def history_lines(self, run: Run) -> SafeString:
        return _table(
            ("No.", "Time (UTC)", "What", "Name", "Data"),
            (
                (
                    entry.position or "",
                    _time(entry.at),
                    entry.kind.replace("_", " "),
                    entry.name,
                    _pretty(entry.data) if entry.data else "",
                )
                for entry in api.get_history(run.pk)
            ),
        )


def _table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> SafeString:
    lines = [format_html_join("", "<td>{}</td>", ((cell,) for cell in row)) for row in rows]
    return format_html(
        '<table class="history"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", "<th>{}</th>", ((head,) for head in heads)),
        format_html_join("", "<tr>{}</tr>", ((line,) for line in lines)),
    )


def _badge(state: str) -> SafeString:
    return format_html('<span class="badge" data-state="{}">{}</span>', state, state)


def _told(error: dict[str, Any] | None) -> str:
    return f"{error['type']}: {error['message']}" if error else ""


def _time(moment: datetime | None) -> str:
    if moment is None:
        return ""
    told = moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return format_html('<span class="nowrap">{}</span>', told)


def _pretty(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))
