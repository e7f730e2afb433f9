"""What is somebody's own is kept by no cache."""

import pytest
from django.test import Client

from submissions.tests.builders import in_review, make_board, person
from toolsite.tests.accounts.signing_in import account

pytestmark = pytest.mark.django_db


def kept(path: str, client: Client, **headers: str) -> str:
    return str(client.get(path, headers=headers).get("Cache-Control", ""))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/boards/launch/",
        "/tools/",
        "/submissions/",
        "/accounts/email/",
        "/accounts/sessions/",
        "/accounts/password/change/",
        "/admin/",
        "/nowhere/",
    ],
)
def test_a_page_of_somebody_signed_in_is_not_stored(path: str) -> None:
    make_board()
    client = Client()
    client.force_login(account(is_staff=True))

    assert "no-store" in kept(path, client)


@pytest.mark.parametrize(
    "path",
    ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/login/code/"],
)
def test_the_forms_at_the_door_are_not_stored(path: str) -> None:
    assert "no-store" in kept(path, Client())


def test_the_own_submission_is_not_stored() -> None:
    submission = in_review(person("alice"), make_board())
    client = Client()
    client.force_login(submission.maker)

    assert "no-store" in kept(f"/submissions/{submission.pk}/", client)


def test_a_live_part_may_be_kept_for_its_etag() -> None:
    make_board()
    client = Client()
    client.force_login(account())

    assert kept("/boards/launch/", client, HX_Request="true") == "private, no-cache"


@pytest.mark.parametrize("path", ["/", "/tools/", "/healthz"])
def test_what_a_stranger_sees_is_no_secret(path: str) -> None:
    make_board()

    assert "no-store" not in kept(path, Client()) or path == "/healthz"
