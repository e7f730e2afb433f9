"""Boards, and what moderators see of submissions. Nothing here saves a status: services do."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from submissions.admin_actions import approve, reject, release
from submissions.admin_list import ManySubmissions
from submissions.models import Board, Submission
from submissions.templatetags.toolsite_ui import safe_link
from workflows.ui.confirm import TakesOnlyIds

if TYPE_CHECKING:
    BoardModelForm = forms.ModelForm[Board]
    BoardModelAdmin = admin.ModelAdmin[Board]
    SubmissionModelAdmin = admin.ModelAdmin[Submission]
else:
    BoardModelForm = forms.ModelForm
    BoardModelAdmin = SubmissionModelAdmin = admin.ModelAdmin


class BoardForm(BoardModelForm):
    """Refuses to take slots away that somebody holds."""

    class Meta:
        model = Board
        fields = (
            "name",
            "slug",
            "intro",
            "slots",
            "slots_per_maker",
            "reservation_seconds",
            "opens_at",
            "closes_at",
            "needs_moderator",
            "appeal_seconds",
        )

    def clean_slots(self) -> int:
        slots: int = self.cleaned_data["slots"]
        highest = highest_used_slot(self.instance)
        if slots < highest:
            raise forms.ValidationError(
                f"Slot {highest} is in use; choose {highest} or more, or release it first."
            )
        return slots


def highest_used_slot(board: Board) -> int:
    """Return the highest slot somebody holds, 0 for none; reservations wait for this change."""
    if board.pk is None:
        return 0
    Board.objects.select_for_update().get(pk=board.pk)
    used = board.submissions.holding().order_by("-slot").values_list("slot", flat=True).first()
    return used or 0


@admin.register(Board)
class BoardAdmin(BoardModelAdmin):
    form = BoardForm
    list_display = ("name", "slug", "slots", "needs_moderator", "opens_at", "closes_at")
    search_fields = ("name", "slug")
    show_full_result_count = False
    prepopulated_fields = {"slug": ("name",)}
    # Django's pair of inputs has no labels of its own, and its pickers break the strict CSP.
    formfield_overrides = {
        models.DateTimeField: {
            "form_class": forms.DateTimeField,
            "widget": forms.DateTimeInput(
                attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
            ),
        }
    }


@admin.register(Submission)
class SubmissionAdmin(ManySubmissions, TakesOnlyIds, SubmissionModelAdmin):
    """Read-only but for the moderator's actions."""

    actions = (approve, reject, release)
    list_display = ("slot", "board", "status", "name", "maker", "reserved_at", "reason")
    list_display_links = ("slot", "name")
    list_filter = ("status", "board", "category")
    list_select_related = ("board", "maker")
    search_fields = ("name",)  # turns the search on; ManySubmissions does it
    list_per_page = 50
    sortable_by = ()  # in the order of the pages; another one would sort the whole table
    show_facets = admin.ShowFacets.NEVER  # would count the whole table for each filter
    show_full_result_count = False

    fieldsets = (
        (None, {"fields": ("status", "reason", "board", "slot", "maker", "decide", "its_run")}),
        ("Tool", {"fields": ("name", "website", "category", "tagline", "description", "slug")}),
        ("Link check", {"fields": ("link_checked_at", "link_note", "appeal_until", "appeal")}),
        (
            "Times",
            {"fields": ("reserved_at", "expires_at", "extended", "details_at", "decided_at")},
        ),
        (
            "Internals",
            {
                "classes": ("collapse",),
                "fields": (
                    "id",
                    "reason_code",
                    "seat",
                    "offered",
                    "carried_from",
                    "link_key",
                    "draft",
                    "idempotency_key",
                    "recheck_run_id",
                ),
            },
        ),
    )

    @admin.display(description="website")
    def website(self, submission: Submission) -> SafeString | str:
        return safe_link(submission.link) if submission.link else "-"

    @admin.display(description="run")
    def its_run(self, submission: Submission) -> SafeString | str:
        if submission.run_id is None:
            return "-"
        page = reverse("admin:workflows_run_change", args=[submission.run_id])
        return format_html('<a href="{}">{}</a>', page, submission.run_id)

    @admin.display(description="moderation")
    def decide(self, submission: Submission) -> SafeString:
        page = reverse("submissions:moderate", args=[submission.pk])
        return format_html('<a href="{}">Approve, reject, release and more</a>', page)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        """Asked by the actions."""
        return request.user.has_perm("submissions.change_submission")
