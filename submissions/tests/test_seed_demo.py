"""The demo: a board with slots in every state and accounts that can sign in, once."""

import json
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from submissions.models import Board, Submission
from submissions.slot_board import slot_board
from submissions.states import Status
from submissions.tests.builders import person
from workflows.api import list_runs

pytestmark = pytest.mark.django_db


def seed() -> dict[str, str]:
    """Return the passwords of the accounts that were made, by e-mail."""
    out = StringIO()
    call_command("seed_demo", "--json", stdout=out)
    return {each["email"]: each["password"] for each in json.loads(out.getvalue())["accounts"]}


def test_the_board_has_slots_in_every_state_like_the_picture() -> None:
    seed()

    board = Board.objects.with_is_open().get(slug="launch")
    counts = slot_board(person("charlie"), board).counts
    assert counts == {"free": 8, "reserved": 4, "in_review": 2, "approved": 10}


def test_reserved_slots_are_backed_by_runs() -> None:
    seed()

    runs = {run.id for run in list_runs(workflow="submissions.tool_submission")}
    assert runs == set(
        Submission.objects.filter(status=Status.PENDING).values_list("run_id", flat=True)
    )


def test_the_accounts_can_sign_in_and_one_is_the_admin() -> None:
    passwords = seed()

    assert list(passwords) == ["admin@example.com", "ana@example.com", "ben@example.com"]
    for email, password in passwords.items():
        answer = Client().post("/accounts/login/", {"login": email, "password": password})
        assert answer.status_code == 302, email
    assert User.objects.get(is_superuser=True).email == "admin@example.com"
    assert EmailAddress.objects.filter(verified=True).count() == 3


def test_a_second_time_makes_nothing_and_tells_no_password() -> None:
    seed()
    before = (Submission.objects.count(), User.objects.count(), len(list_runs()))

    assert seed() == {}

    assert (Submission.objects.count(), User.objects.count(), len(list_runs())) == before


def test_the_two_makers_are_free_to_reserve() -> None:
    seed()

    for name in ("ana", "ben"):
        assert not Submission.objects.filter(maker__username=name, status=Status.PENDING).exists()


def test_every_page_of_the_demo_opens() -> None:
    seed()
    admin = Client()
    admin.force_login(User.objects.get(is_superuser=True))

    for address in ("/", "/tools/", "/tools/querylens/", "/admin/submissions/submission/"):
        assert admin.get(address).status_code == 200
    for submission in Submission.objects.select_related("maker"):
        own = Client()
        own.force_login(submission.maker)
        assert own.get(f"/submissions/{submission.pk}/").status_code == 200


@override_settings(DEMO=False)
def test_production_gets_no_demo() -> None:
    with pytest.raises(CommandError, match="demo only"):
        seed()

    assert not User.objects.exists()


def test_nothing_there_waits_for_a_moderator_whom_the_board_does_not_need() -> None:
    seed()

    assert "Waiting for a moderator" not in Client().get("/").content.decode()
    for submission in Submission.objects.filter(status=Status.IN_REVIEW):
        own = Client()
        own.force_login(submission.maker)
        assert "oderator" not in own.get(f"/submissions/{submission.pk}/").content.decode()
