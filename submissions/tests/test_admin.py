"""The admin: boards are edited, submissions are decided through the services, never saved."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client

from submissions.models import Board, Submission
from submissions.states import Status
from submissions.tests.builders import in_review, make_board, moderator, person, reserved

pytestmark = pytest.mark.django_db

LIST = "/admin/submissions/submission/"


def staff(user: User | None = None) -> Client:
    client = Client()
    client.force_login(user or moderator())
    return client


def act(client: Client, action: str, *submissions: Submission, **more: str) -> Any:
    chosen = [str(submission.pk) for submission in submissions]
    return client.post(LIST, {"action": action, "_selected_action": chosen} | more, follow=True)


def status_of(submission: Submission) -> str:
    submission.refresh_from_db()
    return submission.status


@pytest.mark.parametrize(
    ("action", "ends"),
    [("approve", Status.APPROVED), ("reject", Status.REJECTED), ("release", Status.CANCELLED)],
)
def test_an_action_asks_first_and_then_decides(action: str, ends: Status) -> None:
    submission = in_review(person("alice"), make_board())
    client = staff()

    asked = act(client, action, submission)
    before = status_of(submission)
    done = act(client, action, submission, confirmed="yes", reason="Because.")

    assert "QueryLens" in asked.content.decode() and before == Status.IN_REVIEW
    assert status_of(submission) == ends
    assert f"Slot 3 of Launch: {action.rstrip('e')}" in done.content.decode()
    assert LogEntry.objects.get().object_id == str(submission.pk)


@pytest.mark.parametrize("action", ["reject", "release"])
def test_a_reason_is_asked_for_until_there_is_one(action: str) -> None:
    submission = in_review(person("alice"), make_board())

    answer = act(staff(), action, submission, confirmed="yes", reason=" ")

    assert status_of(submission) == Status.IN_REVIEW
    assert "This field is required." in answer.content.decode()


def test_the_maker_reads_the_reason() -> None:
    submission = in_review(person("alice"), make_board())

    act(staff(), "reject", submission, confirmed="yes", reason="It is an advert.")

    submission.refresh_from_db()
    assert submission.reason == "It is an advert."


def test_what_was_decided_meanwhile_is_told_and_the_rest_is_done() -> None:
    board = make_board()
    decided = in_review(person("alice"), board, 3)
    open_one = in_review(person("bob"), board, 4, link="https://other.dev/")
    client = staff()
    act(client, "reject", decided, confirmed="yes", reason="No.")

    answer = act(client, "approve", decided, open_one, confirmed="yes")

    assert (status_of(decided), status_of(open_one)) == (Status.REJECTED, Status.APPROVED)
    assert "slot 3 is already rejected" in answer.content.decode()


def test_more_than_a_hundred_at_once_are_refused() -> None:
    alice = person("alice")
    rows = [
        Submission(board=make_board(f"b{n}"), slot=1, maker=alice, expires_at="2030-01-01T00:00Z")
        for n in range(101)
    ]
    Submission.objects.bulk_create(rows)

    answer = act(staff(), "release", *rows, confirmed="yes", reason="Clearing.")

    assert "at most 100" in answer.content.decode()
    assert not Submission.objects.exclude(status=Status.PENDING).exists()


def test_staff_who_may_only_look_have_no_actions() -> None:
    submission = in_review(person("alice"), make_board())
    bob = User.objects.create_user("bob", "bob@example.com", is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="view_submission"))

    act(staff(bob), "approve", submission, confirmed="yes")

    assert status_of(submission) == Status.IN_REVIEW


def test_a_submission_is_shown_but_cannot_be_changed_added_or_deleted() -> None:
    submission = reserved(person("alice"), make_board())
    client = staff()
    address = f"{LIST}{submission.pk}/change/"

    shown = client.get(address)
    changed = client.post(address, {"status": "approved"})

    assert shown.status_code == 200 and "_save" not in shown.content.decode()
    assert changed.status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{submission.pk}/delete/").status_code == 403
    assert status_of(submission) == Status.PENDING


def change_board(board: Board, **fields: Any) -> HttpResponse:
    facts = {
        "name": board.name,
        "slug": board.slug,
        "intro": "",
        "slots": board.slots,
        "slots_per_maker": board.slots_per_maker,
        "reservation_seconds": board.reservation_seconds,
        "appeal_seconds": board.appeal_seconds,
    } | fields
    address = f"/admin/submissions/board/{board.pk}/change/"
    return staff().post(address, facts)  # type: ignore[return-value]


def test_slots_below_one_that_is_used_are_refused_with_a_sentence() -> None:
    board = make_board(slots=24)
    reserved(person("alice"), board, 20)

    refused = change_board(board, slots=19)

    assert "Slot 20 is in use" in refused.content.decode()
    board.refresh_from_db()
    assert board.slots == 24


def test_slots_down_to_the_highest_used_are_fine() -> None:
    board = make_board(slots=24)
    reserved(person("alice"), board, 20)

    change_board(board, slots=20)

    board.refresh_from_db()
    assert board.slots == 20


@pytest.mark.parametrize(
    ("field", "value"), [("slots", 0), ("slots", 501), ("reservation_seconds", 0), ("slots", "x")]
)
def test_a_board_that_makes_no_sense_is_refused_with_a_sentence(field: str, value: object) -> None:
    board = make_board()

    answer = change_board(board, **{field: value})

    assert answer.status_code == 200
    assert 'class="errorlist"' in answer.content.decode()


def test_a_new_board_is_open_at_once(client: Client) -> None:
    facts = {"name": "Autumn", "slug": "autumn", "slots": 6, "reservation_seconds": 60}
    facts |= {"slots_per_maker": 3, "appeal_seconds": 0}

    staff().post("/admin/submissions/board/add/", facts)

    assert client.get("/boards/autumn/").context["board"].is_open


def test_opening_times_are_one_labelled_input_each_and_are_kept() -> None:
    board = make_board()

    change_board(board, opens_at="2026-11-20T09:30")
    client = staff(User.objects.get(is_superuser=True))
    page = client.get(f"/admin/submissions/board/{board.pk}/change/").content.decode()

    assert '<input type="datetime-local" name="opens_at" value="2026-11-20T09:30"' in page
    assert 'for="id_opens_at"' in page
    board.refresh_from_db()
    assert board.opens_at == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
