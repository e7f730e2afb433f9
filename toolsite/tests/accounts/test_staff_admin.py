"""Accounts in the admin: superusers change them, other staff look and mend names."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

pytestmark = pytest.mark.django_db

FORM = {"username": "alice", "email": "alice@example.com", "date_joined_0": "2026-01-01"}
FORM |= {"date_joined_1": "12:00:00", "first_name": "Alice", "last_name": "Other"}


def staff(*codenames: str, **fields: Any) -> Client:
    user = User.objects.create_user("mallory", is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def alice(**fields: Any) -> User:
    return User.objects.create_user("alice", "alice@example.com", "a password", **fields)


def page_of(user: User, part: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{part}/"


def test_staff_may_mend_a_name() -> None:
    user = alice()

    staff("change_user").post(page_of(user), FORM)

    user.refresh_from_db()
    assert (user.first_name, user.last_name) == ("Alice", "Other")


def test_staff_cannot_give_themselves_rights() -> None:
    client = staff("change_user")
    mallory = User.objects.get(username="mallory")

    client.post(page_of(mallory), FORM | {"is_superuser": "on", "is_active": "on"})

    mallory.refresh_from_db()
    assert not mallory.is_superuser


@pytest.mark.parametrize("part", ["change", "delete", "password"])
def test_staff_touch_no_superuser(part: str) -> None:
    user = alice(is_superuser=True)

    answer = staff("change_user", "delete_user").post(
        page_of(user, part), FORM | {"post": "yes", "password1": "x", "password2": "x"}
    )

    assert answer.status_code in {403, 404}
    assert User.objects.get(pk=user.pk).check_password("a password")


def test_staff_may_delete_an_ordinary_account() -> None:
    user = alice()

    staff("delete_user", "view_user").post(page_of(user, "delete"), {"post": "yes"})

    assert not User.objects.filter(pk=user.pk).exists()


def test_what_staff_see_of_an_account_has_no_trace_of_its_password() -> None:
    user = alice()

    page = staff("view_user").get(page_of(user)).content.decode()

    assert "alice@example.com" in page
    assert "algorithm" not in page


def test_a_superuser_changes_everything() -> None:
    user = alice()

    staff(is_superuser=True).post(page_of(user), FORM | {"is_active": "on", "is_staff": "on"})

    user.refresh_from_db()
    assert user.is_staff


def test_a_superuser_makes_accounts() -> None:
    client = staff(is_superuser=True)

    client.post(
        "/admin/auth/user/add/",
        {
            "username": "new",
            "usable_password": "true",
            "password1": "correct-horse-7",
            "password2": "correct-horse-7",
        },
    )

    assert User.objects.get(username="new").check_password("correct-horse-7")
