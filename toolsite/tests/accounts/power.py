"""Who can do what on this site, as rows: a staff member's request must leave all of it as it was."""

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, User
from django_q.models import OrmQ, Schedule

Rows = set[tuple[object, ...]]


def power(of_all_but: User) -> Rows:
    """Return what decides who is who. What somebody does to their own addresses, as long as nobody
    has confirmed them, is left out."""
    flags = ("pk", "is_superuser", "is_staff", "is_active", "user_permissions", "groups")
    addresses = EmailAddress.objects.exclude(user=of_all_but, verified=False)
    return {
        *tagged("rights", User.objects.values_list(*flags)),
        *tagged("account", User.objects.values_list("pk", "username", "email", "password")),
        *tagged("address", addresses.values_list("user", "email", "verified", "primary")),
        *tagged("group", Group.objects.values_list("name", "permissions")),
        *tagged("schedule", Schedule.objects.values_list("pk")),
        *tagged("task", OrmQ.objects.values_list("pk")),
    }


def tagged(what: str, rows: object) -> Rows:
    return {(what, *row) for row in rows}  # type: ignore[attr-defined]


def changed(before: Rows, after: Rows) -> Rows:
    """Return what differs, but for ordinary accounts that are gone: to delete one is no way up."""
    alive = {row[1] for row in after if row[0] == "account"}
    ordinary = {row[1] for row in before if row[0] == "rights" and not (row[2] or row[3])}
    gone = {row for row in before if row[0] in {"rights", "account", "address"}}
    gone = {row for row in gone if row[1] in ordinary - alive}
    return (before ^ after) - gone
