"""A NUL anywhere in a request: an answer that helps, no 500, and no NUL in the log."""

import logging
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from submissions.tests.builders import make_board
from toolsite.log_lines import PlainFormatter

pytestmark = pytest.mark.django_db

LISTS = [
    f"/admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry
]
FILTERS = ["q", "o", "p", "_to_field", "id__icontains", "name", "status", "status__exact", "\0"]


@pytest.fixture
def client(caplog: pytest.LogCaptureFixture) -> Iterator[Client]:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("mona", "mona@example.com"))
    with caplog.at_level(logging.DEBUG):
        yield client
    line = PlainFormatter("%(levelname)s %(name)s %(message)s")
    lines = [line.format(record) for record in caplog.records]
    assert [text for text in lines if "\0" in text or "Traceback" in text] == []


@pytest.mark.parametrize("path", LISTS)
def test_a_filter_of_the_admin_is_a_400(client: Client, path: str) -> None:
    for name in FILTERS:
        assert client.get(path, {name: "a\0b"}).status_code == 400


@pytest.mark.parametrize("path", LISTS)
def test_a_choice_in_the_admin_is_a_400(client: Client, path: str) -> None:
    for action in ("delete_selected", "approve", "cancel", "\0"):
        data = {"action": action, "_selected_action": "\0", "index": "0"}
        assert client.post(path, data).status_code == 400


@pytest.mark.parametrize("path", LISTS)
def test_a_row_of_the_admin_is_not_there(client: Client, path: str) -> None:
    for verb in ("change", "delete", "history"):
        assert client.get(f"{path}%00/{verb}/").status_code in (302, 403, 404)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?state=%00", 200),
        ("/tools/?q=%00&category=%00&page=%00", 200),
        ("/tools/%00/", 404),
        ("/%00", 404),
        ("/accounts/login/?next=%00", 302),
        ("/accounts/email/?%00=%00", 200),
        ("/admin/login/?next=%00", 400),
    ],
)
def test_an_address_of_the_site_helps(client: Client, path: str, status: int) -> None:
    make_board()

    assert client.get(path).status_code == status


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
)
def test_a_form_names_the_field(client: Client, path: str) -> None:
    client.logout()
    text = dict.fromkeys(("login", "email", "password", "password1"), "a\x00b@example.com")

    assert client.post(path, text).status_code == 200


@pytest.mark.parametrize("header", ["Cookie", "Idempotency-Key", "X-Forwarded-For", "HX-Request"])
def test_a_header_is_harmless(client: Client, header: str) -> None:
    make_board()

    assert client.get("/", headers={header: "sessionid=a\0b"}).status_code == 200
    status = client.post("/boards/launch/slots/1/reserve", headers={header: "a\0b"}).status_code
    assert status in (302, 303, 400, 422)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 404), ("/tools/", 200), ("/accounts/login/", 200), ("/submissions/", 302), ("/no", 404)],
)
def test_a_cookie_counts_as_not_sent(path: str, status: int) -> None:
    quoted = r'sessionid="aaaaaaaaaaaaaaaa\000aaaaaaaaaaaaaaa"'

    answer = Client(raise_request_exception=False).get(path, headers={"cookie": quoted})

    assert answer.status_code == status
