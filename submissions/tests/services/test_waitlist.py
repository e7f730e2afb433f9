"""The waitlist: a slot that falls free goes to the first in line, in the commit that frees it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db.models.functions import Now
from django.test import Client, override_settings

from submissions.errors import BoardClosed, BoardHasRoom, BoardUnknown, SlotTaken
from submissions.link_check import Code
from submissions.models import Board, Submission, Waiting
from submissions.services.moderate import reject, release
from submissions.services.waitlist import join, leave
from submissions.services.withdraw import withdraw
from submissions.states import Status
from submissions.tests.builders import (
    close_window,
    in_review,
    link_answers,
    make_board,
    moderator,
    person,
    reserved,
    send,
    signed_in,
    stop_run,
    verdict,
)
from workflows.api import get_run
from workflows.testing import advance, drive_until_idle, pass_time

pytestmark = pytest.mark.django_db

TEN_MINUTES = timedelta(minutes=10)


def full_board() -> tuple[Board, Submission]:
    """Return a board of one slot, and what holds it."""
    board = make_board(slots=1)
    return board, reserved(person("alice"), board, 1)


def line_up(board: Board, *names: str) -> list[User]:
    people = [person(name) for name in names]
    for each in people:
        join(maker=each, board_slug=board.slug)
    return people


def holder(board: Board) -> str | None:
    """Return who holds the board's first slot."""
    held = board.submissions.holding().filter(slot=1).first()
    return held.maker.username if held else None


def line(board: Board) -> list[str]:
    return list(board.waiting.order_by("pk").values_list("maker__username", flat=True))


# Joining and leaving


def test_one_joins_a_full_board_at_the_end_and_once() -> None:
    board, _ = full_board()

    line_up(board, "bob", "charlie", "bob")

    assert line(board) == ["bob", "charlie"]


@override_settings(SUBMISSIONS={"waitlist_joins_per_hour": 2})
def test_one_account_takes_so_many_places_within_an_hour() -> None:
    board, _ = full_board()
    for _ in range(2):
        line_up(board, "bob", "bob")
        leave(maker=person("bob"), board_slug=board.slug)

    answer = signed_in("bob").post(f"{HERE}join")

    assert (answer.status_code, line(board)) == (429, [])
    assert "2 places on waitlists within an hour" in answer.content.decode()
    assert 3500 < int(answer["Retry-After"]) <= 3600
    assert line_up(board, "charlie")


def test_a_board_with_a_free_slot_has_no_waitlist() -> None:
    board = make_board(slots=2)
    reserved(person("alice"), board, 1)

    with pytest.raises(BoardHasRoom, match="slot 2 is free"):
        line_up(board, "bob")


def test_nobody_joins_a_closed_board_or_one_that_is_not_there() -> None:
    board, _ = full_board()
    Board.objects.update(closes_at=Now())

    with pytest.raises(BoardClosed):
        line_up(board, "bob")
    with pytest.raises(BoardUnknown):
        join(maker=person("bob"), board_slug="nowhere")


def test_who_leaves_is_passed_over_and_leaving_twice_is_calm() -> None:
    board, submission = full_board()
    bob, _ = line_up(board, "bob", "charlie")

    for _ in range(2):
        leave(maker=bob, board_slug=board.slug)
    withdraw(maker=submission.maker, submission_id=submission.pk)

    assert (holder(board), line(board)) == ("charlie", [])


# Every path that frees a slot


def give_back(submission: Submission) -> None:
    withdraw(maker=submission.maker, submission_id=submission.pk)


def give_back_in_review(submission: Submission) -> None:
    send(submission)
    give_back(submission)


def let_the_time_run_out(submission: Submission) -> None:
    drive_until_idle()
    assert submission.run_id is not None
    close_window(submission)
    pass_time(submission.run_id)
    drive_until_idle()


def lose_to_a_rival(submission: Submission) -> None:
    close_window(submission)
    with pytest.raises(SlotTaken):
        reserved(person("dora"), submission.board, submission.slot)


def send_too_late(submission: Submission) -> None:
    close_window(submission)
    with pytest.raises(Exception, match="no longer yours"):
        send(submission)


def send_to_a_stopped_run(submission: Submission) -> None:
    stop_run(submission)
    with pytest.raises(Exception, match="no longer yours"):
        send(submission)


def send_a_bad_link(submission: Submission) -> None:
    send(submission)
    with link_answers(verdict(Code.NOT_FOUND)):
        drive_until_idle()


def be_rejected(submission: Submission) -> None:
    send(submission)
    reject(submission_id=submission.pk, reason="No.", by=moderator())


def be_released(submission: Submission) -> None:
    release(submission_id=submission.pk, reason="It moved.", by=moderator())


def be_released_when_published(submission: Submission) -> None:
    send(submission)
    with link_answers(verdict()):
        drive_until_idle()
    be_released(submission)


@pytest.mark.parametrize(
    "free",
    [
        give_back,
        give_back_in_review,
        let_the_time_run_out,
        lose_to_a_rival,
        send_too_late,
        send_to_a_stopped_run,
        send_a_bad_link,
        be_rejected,
        be_released,
        be_released_when_published,
    ],
)
def test_a_slot_that_falls_free_is_reserved_for_the_first_in_line(
    free: Callable[[Submission], None],
) -> None:
    board, submission = full_board()
    line_up(board, "bob", "charlie")

    free(submission)

    assert (holder(board), line(board)) == ("bob", ["charlie"])
    offered = board.submissions.get(maker__username="bob")
    assert (offered.status, offered.offered, offered.seat) == (Status.PENDING, True, 1)
    assert offered.expires_at - offered.reserved_at == TEN_MINUTES
    assert offered.run_id is not None
    assert get_run(offered.run_id).input["window_seconds"] == 600.0


def test_an_offer_that_lapses_goes_to_the_next_and_then_to_everybody() -> None:
    board, submission = full_board()
    line_up(board, "bob", "charlie")

    give_back(submission)
    drive_until_idle()
    advance(seconds=601)
    assert holder(board) == "charlie"
    advance(seconds=601)

    assert (holder(board), line(board)) == (None, [])
    assert reserved(person("dora"), board, 1).offered is False


def test_an_offer_is_an_ordinary_reservation() -> None:
    board, submission = full_board()
    line_up(board, "bob")
    give_back(submission)

    send(board.submissions.get(maker__username="bob"))
    with link_answers(verdict()):
        drive_until_idle()

    assert board.submissions.get(maker__username="bob").status == Status.APPROVED


def test_a_rival_who_is_the_first_in_line_gets_the_slot() -> None:
    board, submission = full_board()
    [bob] = line_up(board, "bob")
    close_window(submission)

    taken = reserved(bob, board, 1)

    assert (taken.maker, taken.offered, line(board)) == (bob, True, [])


def test_two_slots_go_to_two_people() -> None:
    board = make_board(slots=2)
    one, two = reserved(person("alice"), board, 1), reserved(person("dora"), board, 2)
    line_up(board, "bob", "charlie")

    give_back(one)
    give_back(two)

    held = board.submissions.holding().order_by("slot")
    assert [each.maker.username for each in held] == ["bob", "charlie"]


# Who is passed over


def test_a_closed_board_offers_nothing_and_keeps_its_line() -> None:
    board, submission = full_board()
    line_up(board, "bob")
    Board.objects.update(closes_at=Now())

    give_back(submission)

    assert (holder(board), line(board)) == (None, ["bob"])


def test_a_slot_that_the_board_no_longer_has_is_not_offered() -> None:
    board = make_board(slots=2)
    submission = reserved(person("alice"), board, 2)
    reserved(person("dora"), board, 1)
    line_up(board, "bob")
    Board.objects.update(slots=1)

    give_back(submission)

    assert line(board) == ["bob"]


def test_who_gave_the_slot_back_does_not_get_it_again() -> None:
    board, submission = full_board()
    line_up(board, "alice")

    give_back(submission)

    assert (holder(board), line(board)) == (None, ["alice"])


def test_who_holds_a_reservation_is_passed_over_and_keeps_the_place() -> None:
    board = make_board(slots=2)
    submission = reserved(person("alice"), board, 1)
    reserved(person("bob"), board, 2)
    line_up(board, "bob", "charlie")

    give_back(submission)

    assert (holder(board), line(board)) == ("charlie", ["bob"])


def test_who_holds_all_they_can_have_is_passed_over_and_keeps_the_place() -> None:
    board = make_board(slots=2, slots_per_maker=1)
    submission = reserved(person("alice"), board, 1)
    in_review(person("bob"), board, 2)
    line_up(board, "bob", "charlie")

    give_back(submission)

    assert (holder(board), line(board)) == ("charlie", ["bob"])


def test_an_account_that_was_closed_is_passed_over() -> None:
    board, submission = full_board()
    line_up(board, "bob", "charlie")
    User.objects.filter(username="bob").update(is_active=False)

    give_back(submission)

    assert holder(board) == "charlie"


# The letter


def test_the_offer_is_told_by_letter_while_it_holds() -> None:
    board, submission = full_board()
    line_up(board, "bob")

    give_back(submission)
    drive_until_idle()

    [letter] = mail.outbox
    offered = board.submissions.get(maker__username="bob")
    assert letter.to == ["bob@example.com"]
    assert letter.subject == "Slot 1 of Launch is yours to take"
    assert f"/submissions/{offered.pk}/" in str(letter.body)
    assert f"{offered.expires_at:%H:%M} UTC" in str(letter.body)


def test_no_letter_tells_of_an_offer_that_is_over() -> None:
    board, submission = full_board()
    [bob] = line_up(board, "bob")
    give_back(submission)

    withdraw(maker=bob, submission_id=board.submissions.get(maker=bob).pk)
    drive_until_idle()

    assert mail.outbox == []


# The pages

HERE = "/boards/launch/waitlist/"


def test_a_full_board_offers_to_wait_and_one_with_room_does_not(client: Client) -> None:
    board = make_board(slots=2)
    reserved(person("alice"), board, 1)
    before = signed_in("bob").get("/").content.decode()
    reserved(person("charlie"), board, 2)

    assert "Join the waitlist" not in before
    assert f'formaction="{HERE}join"' in signed_in("bob").get("/").content.decode()
    assert "Join the waitlist" in client.get("/").content.decode()


def test_joining_leads_to_ones_place() -> None:
    board, _ = full_board()
    line_up(board, "charlie")
    bob = signed_in("bob")

    answer = bob.post(f"{HERE}join")

    assert (answer.status_code, answer["Location"]) == (303, HERE)
    page = bob.get(HERE).content.decode()
    assert "You are number 2 in line" in page
    assert "At bob@example.com" in page
    board_page = bob.get("/").content.decode()
    assert "You are number 2 on the waitlist" in board_page
    # A rule of pages.css takes "Join the waitlist" from who waits.
    assert "data-waits" in board_page
    assert "data-waits" not in signed_in("dora").get("/").content.decode()


def test_joining_a_board_with_room_is_a_409() -> None:
    make_board(slots=1)

    answer = signed_in("bob").post(f"{HERE}join")

    assert answer.status_code == 409
    assert "slot 1 is free" in answer.content.decode()


def test_nobody_sees_a_place_of_somebody_else() -> None:
    board, _ = full_board()
    line_up(board, "bob")

    answer = signed_in("charlie").get(HERE)

    assert answer.status_code == 404
    assert "You are not on the waitlist" in answer.content.decode()


@pytest.mark.parametrize("more", ["", "join", "leave"])
def test_a_stranger_signs_in_first(client: Client, more: str) -> None:
    full_board()

    answer = client.post(HERE + more) if more else client.get(HERE)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")
    assert not Waiting.objects.exists()


def test_leaving_leads_to_the_board_and_says_so() -> None:
    board, _ = full_board()
    line_up(board, "bob")
    bob = signed_in("bob")

    answer = bob.post(f"{HERE}leave", follow=True)

    assert answer.redirect_chain == [("/boards/launch/", 303)]
    assert "You have left the waitlist." in answer.content.decode()
    assert line(board) == []


@pytest.mark.parametrize("verb", ["join", "leave"])
def test_looking_at_a_verbs_address_leads_to_the_board_and_does_nothing(verb: str) -> None:
    board, _ = full_board()
    line_up(board, "bob")

    answer = signed_in("bob").get(HERE + verb)

    assert answer["Location"] == "/boards/launch/"
    assert line(board) == ["bob"]


def test_the_page_follows_the_line_and_leads_to_the_offer() -> None:
    board, submission = full_board()
    charlie, _ = line_up(board, "charlie", "bob")
    bob, htmx = signed_in("bob"), {"HX-Request": "true"}
    first = bob.get(HERE, headers=htmx)
    same = bob.get(HERE, headers=htmx | {"If-None-Match": first["ETag"]})

    leave(maker=charlie, board_slug=board.slug)
    moved = bob.get(HERE, headers=htmx | {"If-None-Match": first["ETag"]})
    give_back(submission)
    offered = bob.get(HERE, headers=htmx)

    there = f"/submissions/{board.submissions.get(maker__username='bob').pk}/"
    assert [each.status_code for each in (first, same, moved, offered)] == [200, 304, 200, 200]
    assert "You are number 1 in line" in moved.content.decode()
    assert offered["HX-Redirect"] == there
    assert bob.get(HERE)["Location"] == there
    page = bob.get(there).content.decode()
    assert "you were the first on the waitlist" in page
    assert "data-countdown" in page


def test_the_page_says_why_one_would_be_passed_over() -> None:
    board = make_board(slots=2, slots_per_maker=1)
    reserved(person("alice"), board, 1)
    bobs = reserved(person("bob"), board, 2)
    line_up(board, "bob")

    holding = signed_in("bob").get(HERE).content.decode()
    send(bobs)
    used_up = signed_in("bob").get(HERE).content.decode()

    assert "You hold a reservation here." in holding
    assert "You hold all the slots you can have here." in used_up
