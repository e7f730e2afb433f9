"""Accounts and groups in the Django admin: what decides who may do what is for superusers.

A right such as "Can change user" would otherwise let its holder make themselves a superuser.
"""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    AccountModelAdmin = UserAdmin[User]
else:
    AccountModelAdmin = UserAdmin

NAMES = ("first_name", "last_name")
SHOWN_TO_STAFF = (
    (None, {"fields": ("username", "email", *NAMES)}),
    ("Important dates", {"fields": ("last_login", "date_joined")}),
)


class AccountAdmin(AccountModelAdmin):
    """Superusers change everything; other staff, by their rights, the names of ordinary accounts."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return may_touch(request, obj) and super().has_delete_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return super().get_fieldsets(request, obj) if is_superuser(request) else SHOWN_TO_STAFF

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if is_superuser(request):
            return super().get_readonly_fields(request, obj)
        shown = [name for _, options in SHOWN_TO_STAFF for name in options["fields"]]
        return [name for name in shown if name not in NAMES]

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Set somebody's password: for superusers."""
        if not is_superuser(request):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)


class RightsAdmin(GroupAdmin):
    """Groups hand out rights: only superusers change them, others may look."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


def is_superuser(request: HttpRequest) -> bool:
    """Say whether a superuser asks."""
    return bool(request.user.is_active and request.user.is_superuser)


def may_touch(request: HttpRequest, account: User | None) -> bool:
    """Say whether who asks may change this account at all, their other rights provided.

    None: some account, as lists ask.
    """
    is_ordinary = account is None or not (account.is_staff or account.is_superuser)
    return is_ordinary or is_superuser(request)
