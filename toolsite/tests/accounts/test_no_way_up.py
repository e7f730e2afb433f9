"""Staff who are no superusers: whatever single right they have, no address of the site leads up."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from toolsite.tests.accounts.walk import (
    EVIL,
    each_alone,
    every_request,
    make_site,
    pages_of,
    sent_to_the_admin,
    staff_with,
    try_everything,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent")]


@pytest.fixture
def site() -> None:
    make_site()


@pytest.mark.usefixtures("site")
def test_no_permission_leads_up_where_it_counts() -> None:
    # Every permission on every page is soak_no_way_up.py's.
    requests = sent_to_the_admin()
    found = []
    for permissions in each_alone():
        mallory, client = staff_with(*permissions)
        pages = tuple(page for permission in permissions for page in pages_of(permission))
        where_it_counts = [each for each in requests if each[0].startswith(pages)]
        assert where_it_counts or not pages
        for wrong in try_everything(client, mallory, where_it_counts):
            found.append(f"{permissions}: {wrong}")

    assert found == []


@pytest.mark.usefixtures("site")
def test_the_walk_finds_what_a_superuser_may_do() -> None:
    mallory, client = staff_with()
    client.force_login(User.objects.get(username="root"))
    alice = User.objects.get(username="alice").pk
    group = Group.objects.get().pk

    found = "\n".join(try_everything(client, mallory, sent_to_the_admin()))

    for path in [
        "user/add/",
        f"user/{alice}/change/",
        f"user/{alice}/password/",
        f"user/{mallory.pk}/change/",
        "group/add/",
        f"group/{group}/change/",
        f"group/{group}/delete/",
    ]:
        assert f"POST /admin/auth/{path}: " in found


@pytest.mark.usefixtures("site")
def test_being_staff_leads_nowhere_up_in_the_admin() -> None:
    mallory, client = staff_with()

    assert try_everything(client, mallory, sent_to_the_admin()) == []


@pytest.mark.usefixtures("site")
def test_all_permissions_together_lead_nowhere_up_on_any_address() -> None:
    mallory, client = staff_with(*Permission.objects.all())
    requests = every_request()

    found = try_everything(client, mallory, requests)

    assert len({path for path, _ in requests}) > 60
    assert found == []


@pytest.mark.usefixtures("site")
def test_what_may_be_filtered_by_tells_no_password() -> None:
    _, client = staff_with(*Permission.objects.all())

    told = []
    for model in admin.site._registry:
        ways = [f.name for f in model._meta.get_fields() if f.related_model is User]
        for way in ["", *(f"{way}__" for way in ways)]:
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            answer = client.get(path, {f"{way}password__startswith": "x"})
            if answer.status_code == 200 or "e=1" not in answer.get("Location", "e=1"):
                told.append(f"{path} {way}password")

    assert told == []


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("codename", ["add_emailaddress", "change_emailaddress"])
def test_an_address_given_to_a_superuser_by_staff_gets_no_password_link(
    codename: str, mailoutbox: list[Any]
) -> None:
    _, client = staff_with(Permission.objects.get(codename=codename))
    root = User.objects.get(username="root")
    wish = {"user": root.pk, "email": EVIL, "verified": "on"}
    for path in ["add/", f"{EmailAddress.objects.get(user=root).pk}/change/"]:
        client.post(f"/admin/account/emailaddress/{path}", wish)

    Client().post("/accounts/password/reset/", {"email": EVIL})

    assert not any(re.search("/password/reset/key/", letter.body) for letter in mailoutbox)
