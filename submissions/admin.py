"""Boards, and what moderators see of submissions. Nothing here saves a status: services do."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from submissions.admin_actions import approve, reject, release
from submissions.models import Board, Submission
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
class SubmissionAdmin(TakesOnlyIds, SubmissionModelAdmin):
    """Read-only but for the moderator's actions."""

    actions = (approve, reject, release)
    list_display = ("slot", "board", "status", "name", "maker", "reserved_at", "reason")
    list_display_links = ("slot", "name")
    list_filter = ("status", "board", "category")
    list_select_related = ("board", "maker")
    search_fields = ("name", "tagline", "link", "maker__email")
    date_hierarchy = "reserved_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        """Asked by the actions."""
        return request.user.has_perm("submissions.change_submission")
