"""Staff with some rights who ask for everything: what they send, and what came of it."""

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from submissions.tests.builders import in_review, make_board
from toolsite.tests.accounts.power import changed, power
from toolsite.tests.accounts.routes import every_path, ids_of
from workflows.api import list_runs

EVIL = "evil@example.com"
PASSWORD = "correct-horse-7-battery"
REFUSED = {403, 404, 405}

Request = tuple[str, dict[str, Any] | None]
"""An address, and what is sent to it; None: it is only looked at."""


def make_site() -> None:
    """Make a superuser, a moderator, a group, a maker with a submission, and mallory."""
    cache.clear()
    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)
    Client().force_login(root)
    bosses = Group.objects.create(name="bosses")
    bosses.permissions.set(Permission.objects.all())
    User.objects.create_user("mona", "mona@example.com", PASSWORD, is_staff=True)
    alice = User.objects.create_user("alice", "alice@example.com", PASSWORD)
    for user in User.objects.all():
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    User.objects.create_user("mallory", "mallory@example.com", PASSWORD, is_staff=True)
    in_review(alice, make_board())


def staff_with(*permissions: Permission) -> tuple[User, Client]:
    mallory = User.objects.get(username="mallory")
    mallory.user_permissions.set(permissions)
    client = Client(raise_request_exception=False)
    client.force_login(mallory)
    return mallory, client


def paths() -> list[str]:
    submission = apps.get_model("submissions", "Submission").objects.get()
    return every_path(
        {
            "slug": ["launch"],
            "slot": ["3", "4"],
            "section": ["pages"],
            "submission_id": [str(submission.pk)],
            "run_id": [str(list_runs(key=f"submission-{submission.pk}")[0].id)],
            "verb": ["pause", "cancel"],
            "line_id": ["1"],
            "part": ["history", "input"],
            "content_type_id": [str(ContentType.objects.get_for_model(User).pk)],
            "object_id": ["1"],
        }
    )


def wishes() -> dict[str, Any]:
    """Return what somebody would send who tries everything at once, in the words of all forms."""
    # Not all of them: Django refuses a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS unread.
    strongest = Permission.objects.filter(content_type__model__in=["user", "emailaddress"])
    everything = [str(pk) for pk in strongest.values_list("pk", flat=True)]
    root = User.objects.get(username="root")
    return {
        # accounts and their rights
        "username": "mallory-2",
        "first_name": "M",
        "email": EVIL,
        "is_superuser": "on",
        "is_staff": "on",
        "is_active": "on",
        "groups": ids_of(Group),
        "user_permissions": everything,
        "date_joined_0": "2026-01-01",
        "date_joined_1": "12:00:00",
        "usable_password": "true",
        "password": PASSWORD,
        "password1": "another-horse-8-battery",
        "password2": "another-horse-8-battery",
        # groups
        "name": "rulers",
        "permissions": everything,
        # addresses of accounts
        "user": str(root.pk),
        "verified": "on",
        "primary": "on",
        "action_add": "",
        # tasks
        "func": "django.core.management.call_command",
        "args": "'flush'",
        "schedule_type": "O",
        "repeats": "-1",
        # pages that ask first
        "post": "yes",
        "confirmed": "yes",
        "reason": "Because.",
        # boards
        "slug": "second",
        "slots": "24",
        "reservation_seconds": "120",
    }


def actions_on(path: str) -> list[dict[str, Any]]:
    """Return what the admin's list at this address may be asked to do to all of its rows."""
    for model, its_admin in admin.site._registry.items():
        if path == f"/admin/{model._meta.app_label}/{model._meta.model_name}/":
            names = [
                "delete_selected",
                *(getattr(a, "__name__", a) for a in its_admin.actions or ()),
            ]
            return [{"action": name, "_selected_action": ids_of(model)} for name in names]
    return []


def try_everything(client: Client, mallory: User, requests: Sequence[Request]) -> list[str]:
    """Send every request; return which of them changed or told something."""
    before, secrets, cookies = power(mallory), secrets_of(mallory), client.cookies.output()
    found = []
    for path, sent in requests:
        client.cookies.load(cookies.replace("Set-Cookie: ", ""))
        with transaction.atomic():
            answer = client.get(path) if sent is None else client.post(path, sent)
            if answer.status_code in REFUSED:
                continue
            told = [secret for secret in secrets if secret in answer.content]
            differs = changed(before, power(mallory))
            transaction.set_rollback(True)
        if told or differs:
            found.append(f"{'GET' if sent is None else 'POST'} {path}: {differs or told}")
    by_a_refusal = changed(before, power(mallory))
    return [*found, f"a refused request: {by_a_refusal}"] if by_a_refusal else found


def every_request() -> list[Request]:
    """Return what can be asked of the site: each address alone, and with each wish."""
    everything = wishes()
    return [
        (path, sent)
        for path in paths()
        for sent in [None, everything, *(everything | asked for asked in actions_on(path))]
    ]


def secrets_of(mallory: User) -> list[bytes]:
    passwords = User.objects.exclude(pk=mallory.pk).values_list("password", flat=True)
    sessions = Session.objects.values_list("session_key", flat=True)
    return [text.encode() for text in [*passwords, *sessions]]


def each_alone() -> list[list[Permission]]:
    """Return every permission by itself; those of models without a page, together at the end."""
    alone: list[list[Permission]] = []
    without_a_page = []
    for permission in Permission.objects.select_related("content_type"):
        if permission.content_type.model_class() in admin.site._registry:
            alone.append([permission])
        else:
            without_a_page.append(permission)
    assert len(alone) >= 20 and len(without_a_page) >= 20
    return [*alone, without_a_page]


def sent_to_the_admin() -> list[Request]:
    """Return what is sent to the admin. What can be looked at is asked with all permissions at once,
    and more is seen then."""
    return [(path, sent) for path, sent in every_request() if sent and "/admin/" in path]


def pages_of(permission: Permission) -> tuple[str, ...]:
    """Return where the admin asks for a right to this model: below its own pages, and below those
    that show its rows inline."""
    return tuple(
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model, its_admin in admin.site._registry.items()
        if permission.content_type.model_class()
        in {model, *(inline.model for inline in its_admin.inlines)}
    )
