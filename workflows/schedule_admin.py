"""Schedules in the Django admin: made and changed here, steered by actions, all of it through the api."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from workflows import api
from workflows.conf import conf
from workflows.core.sealed import is_sealed
from workflows.models import Schedule
from workflows.ui.confirm import Deed, NotDone, TakesOnlyIds, confirm_then_act
from workflows.ui.parts import moment, table

if TYPE_CHECKING:
    ScheduleModelAdmin = admin.ModelAdmin[Schedule]
    ScheduleModelForm = forms.ModelForm[Schedule]
else:
    ScheduleModelAdmin, ScheduleModelForm = admin.ModelAdmin, forms.ModelForm

Schedules = QuerySet[Schedule]
RULES = (
    *("name", "workflow", "input", "cron", "zone", "every_seconds", "at"),
    *("overlap", "catch_up_seconds", "jitter_seconds", "pause_on_failure"),
)
"""What a person may write: the arguments of put_schedule."""


class ScheduleForm(ScheduleModelForm):
    """Refuses what the api would refuse, in its words."""

    class Meta:
        model = Schedule
        fields = RULES
        widgets = {
            name: forms.TextInput(attrs={"size": 40})
            for name in ("name", "workflow", "cron", "zone")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: Mapping[str, Any] | None = None
        """An encrypted input as it is; the form may not show it."""
        if is_sealed(self.instance.input):
            name = self.instance.name
            self._kept = api.get_schedule(name).rules.input
            shown = api.get_schedule(name, decrypt=conf().admin_decrypts).rules.input
            self.initial["input"] = dict(shown)

    def clean(self) -> dict[str, Any]:
        """Check the whole of it, once each field is what it should be."""
        if not self.errors:
            try:
                api.put_schedule(**self.rules(), dry_run=True)
            except api.WorkflowError as exc:
                raise ValidationError(str(exc)) from None
        return self.cleaned_data

    def rules(self) -> dict[str, Any]:
        """Return the arguments of put_schedule; those that are not to be edited are the row's."""
        told = {name: self.cleaned_data.get(name, getattr(self.instance, name)) for name in RULES}
        if self._kept is not None and told["input"] == self.initial["input"]:
            told["input"] = self._kept
        return told


class Reason(forms.Form):
    """Why, for those who read it later."""

    reason = forms.CharField(max_length=500, required=False)


class Backfill(Reason):
    """Which ticks are made good."""

    field_order = ("start", "end", "reason")
    start = forms.DateTimeField(help_text="As 2026-03-01 00:00")
    end = forms.DateTimeField(help_text="The last moment, included")


def deed(
    label: str,
    verb: Callable[..., object],
    explanation: str,
    *,
    refuse: Callable[[Schedule], str] = lambda row: "",
    form_class: type[forms.Form] = Reason,
) -> Deed[Schedule]:
    """Return what an action does to each schedule: one call of the api, with the name of who asks."""

    def do(request: HttpRequest, row: Schedule, asked: Mapping[str, Any]) -> str:
        try:
            done = verb(row.name, **asked, by=request.user.get_username())
        except api.WorkflowError as exc:
            raise NotDone(str(exc)) from None
        if done is False:
            raise NotDone("somebody was quicker.")
        return told(done)

    def told(done: object) -> str:
        if isinstance(done, api.RunView):
            return f"Run {done.id} has begun."
        return f"{len(done)} ticks are made good." if isinstance(done, list) else ""

    return Deed(
        label=label,
        question=f"{label} these schedules?",
        explanation=explanation,
        describe=lambda row: f"{row.name} ({row.workflow})",
        do=do,
        refuse=refuse,
        form_class=form_class,
    )


PAUSE = deed(
    "Pause",
    api.pause_schedule,
    "Nothing is started until it is resumed; what runs goes on. The reason is kept as a note.",
    refuse=lambda row: "it is paused already." if row.paused_at else "",
)
RESUME = deed(
    "Resume",
    api.resume_schedule,
    "It goes on with the next tick; a backfill makes good those of the pause.",
    refuse=lambda row: "" if row.paused_at else "it is not paused.",
)
TRIGGER = deed(
    "Trigger now",
    api.trigger_schedule,
    "A run is started at once, whatever is open, also where the schedule is paused.",
)
BACKFILL = deed(
    "Backfill",
    api.backfill_schedule,
    "Each tick of the range that has no run gets one.",
    form_class=Backfill,
)


@admin.action(description="Pause", permissions=["change"])
def pause(model: ScheduleModelAdmin, request: HttpRequest, rows: Schedules) -> HttpResponse | None:
    """Ask why, then pause each."""
    return confirm_then_act(model, request, rows, PAUSE)


@admin.action(description="Resume", permissions=["change"])
def resume(model: ScheduleModelAdmin, request: HttpRequest, rows: Schedules) -> HttpResponse | None:
    """Ask why, then resume each."""
    return confirm_then_act(model, request, rows, RESUME)


@admin.action(description="Trigger now", permissions=["change"])
def trigger(
    model: ScheduleModelAdmin, request: HttpRequest, rows: Schedules
) -> HttpResponse | None:
    """Ask, then start a run of each."""
    return confirm_then_act(model, request, rows, TRIGGER)


@admin.action(description="Backfill", permissions=["change"])
def backfill(
    model: ScheduleModelAdmin, request: HttpRequest, rows: Schedules
) -> HttpResponse | None:
    """Ask for the range, then make good its ticks."""
    return confirm_then_act(model, request, rows, BACKFILL)


@admin.register(Schedule)
class ScheduleAdmin(TakesOnlyIds, ScheduleModelAdmin):
    """What is saved goes through put_schedule. What the code declares keeps its name and workflow."""

    class Media:
        css = {"all": ("workflows/ui.css", "workflows/admin.css")}

    form = ScheduleForm
    actions = (pause, resume, trigger, backfill)
    list_display = ("name", "workflow", "timing", "goes", "next_tick", "last_tick", *(
        "started", "skipped", "missed", "problem"
    ))  # fmt: skip
    list_filter = ("workflow",)
    search_fields = ("name", "workflow")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "workflow", "input")}),
        ("When (one of three)", {"fields": ("cron", "zone", "every_seconds", "at")}),
        ("How", {"fields": ("overlap", "catch_up_seconds", "jitter_seconds", "pause_on_failure")}),
        ("Now", {"fields": ("goes", "pause_note", "problem", "next_ten")}),
        (
            "So far",
            {"fields": ("last_tick", "last_run_id", "open_runs", "waiting", "started", "skipped", "missed")},
        ),
    )  # fmt: skip
    readonly_fields = (
        *("goes", "pause_note", "problem", "next_ten", "last_tick", "last_run_id", "open_runs"),
        *("waiting", "started", "skipped", "missed"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        """A name is for ever; the workflow of what the code declares is the code's."""
        kept = () if obj is None else ("name",) if obj.declared is None else ("name", "workflow")
        return (*self.readonly_fields, *kept)

    def has_delete_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        """What the code declares would come back."""
        declared = obj is not None and obj.declared is not None and not obj.removed
        return not declared and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """One is deleted on its own page, where it can be refused."""
        return {k: v for k, v in super().get_actions(request).items() if k != "delete_selected"}

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Make or change it, by the name of who is signed in."""
        api.put_schedule(**form.rules(), by=request.user.get_username())
        obj.pk = self.get_queryset(request).get(name=obj.name).pk

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """Delete it; its runs stay."""
        api.delete_schedule(obj.name, by=request.user.get_username())

    @admin.display(description="ticks")
    def timing(self, row: Schedule) -> str:
        if row.at is not None:
            return f"at {row.at:%Y-%m-%d %H:%M:%S %Z}"
        if row.every_seconds is not None:
            return f"every {row.every_seconds:g} s"
        return f"{row.cron} ({row.zone})"

    @admin.display(description="goes")
    def goes(self, row: Schedule) -> str:
        if row.removed:
            return "no longer in the code"
        if row.paused_at is not None:
            return f"paused by {row.paused_by or 'somebody'}"
        return "yes" if row.next_at is not None else "is over"

    @admin.display(description="next ten times")
    def next_ten(self, row: Schedule) -> SafeString | str:
        if row.pk is None:
            return "-"
        return table(
            ("Tick",), ((f"{moment(tick)} {tick:%Z}",) for tick in api.next_times(row.name))
        )
