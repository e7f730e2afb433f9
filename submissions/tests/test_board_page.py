"""The board's page: reserving, refusals that help, and the live part."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from submissions import board_part
from submissions.board_version import Look, look
from submissions.models import Board, Submission
from submissions.services.withdraw import withdraw
from submissions.states import Status
from submissions.tests.builders import (
    close_window,
    in_review,
    make_board,
    person,
    reserved,
    signed_in,
)

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def reserve_url(slot: int, slug: str = "launch") -> str:
    return f"/boards/{slug}/slots/{slot}/reserve"


def close(board: Board) -> None:
    Board.objects.filter(pk=board.pk).update(closes_at=timezone.now() - timedelta(hours=1))


def test_everybody_sees_the_current_board(client: Client) -> None:
    make_board("older", name="Older board")
    make_board(name="Newest board")

    answer = client.get("/")

    assert answer.status_code == 200
    assert answer.context["board"].name == "Newest board"
    assert len(answer.context["cells"]) == 24


def test_an_open_board_comes_before_a_newer_closed_one(client: Client) -> None:
    make_board("open", name="Open board")
    close(make_board(name="Closed board"))

    assert client.get("/").context["board"].name == "Open board"


def test_without_any_board_the_page_says_so(client: Client) -> None:
    answer = client.get("/")

    assert answer.status_code == 404
    assert "no board" in answer.content.decode()


def test_a_stranger_signs_in_first_and_comes_back_to_the_slot(client: Client) -> None:
    make_board()

    answer = client.post(reserve_url(3))

    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/boards/launch/%23slot-3"
    assert not Submission.objects.exists()


def test_reserving_leads_to_the_submission() -> None:
    make_board()

    answer = signed_in("alice").post(reserve_url(3))

    submission = Submission.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == reverse("submissions:submission", args=[submission.pk])


def test_a_double_click_leads_to_the_same_submission() -> None:
    make_board()
    alice = signed_in("alice")

    places = {alice.post(reserve_url(3))["Location"] for _ in range(3)}

    assert len(places) == 1


def test_the_same_idempotency_key_leads_to_the_same_submission() -> None:
    make_board()
    alice = signed_in("alice")

    places = {
        alice.post(reserve_url(3), headers={"Idempotency-Key": "k"})["Location"] for _ in range(2)
    }

    assert len(places) == 1


def test_an_idempotency_key_of_another_slot_or_board_is_a_422() -> None:
    make_board()
    make_board("other")
    alice = signed_in("alice")
    alice.post(reserve_url(3), headers={"Idempotency-Key": "k"})

    for address in (reserve_url(4), reserve_url(3, "other")):
        answer = alice.post(address, headers={"Idempotency-Key": "k"})

        assert answer.status_code == 422
        assert "used for another reservation, of slot 3" in answer.content.decode()
    assert Submission.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "k" * 201, "ключ", "\xe9", "a\tb"])
def test_an_idempotency_key_that_cannot_be_one_is_a_422(key: str) -> None:
    make_board()

    answer = signed_in("alice").post(reserve_url(3), headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.content.decode()
    assert not Submission.objects.exists()


def test_a_taken_slot_is_a_409_that_names_it_and_lists_free_ones() -> None:
    reserved(person("bob"), make_board(slots=5), 3)

    answer = signed_in("alice").post(reserve_url(3))

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Someone took slot 3 a moment before you." in page
    assert answer.context["free_slots"] == [1, 2, 4, 5]
    assert all(f'href="/boards/launch/#slot-{n}"' in page for n in (1, 2, 4, 5))
    assert 'id="slot-' not in page


def test_a_second_reservation_is_a_409_that_names_the_first() -> None:
    reserved(person("alice"), make_board(), 3)

    answer = signed_in("alice").post(reserve_url(4))

    assert answer.status_code == 409
    assert "You already hold slot 3" in answer.content.decode()


def test_a_closed_board_is_a_409_but_can_be_looked_at() -> None:
    close(make_board())
    alice = signed_in("alice")

    assert alice.post(reserve_url(3)).status_code == 409
    page = alice.get("/boards/launch/")
    assert (page.status_code, page.context["board"].is_open) == (200, False)


@pytest.mark.parametrize("slot", ["0", "25", "9999", "9" * 40])
def test_a_slot_outside_the_board_is_a_404_with_a_way_out(slot: str) -> None:
    make_board()

    answer = signed_in("alice").post(f"/boards/launch/slots/{slot}/reserve")

    assert answer.status_code == 404
    assert "slots 1 to 24" in answer.content.decode()


@pytest.mark.parametrize("slot", ["-1", "x", "1.5", "%00", "9" * 5000])
def test_a_slot_that_is_no_number_is_a_404(slot: str) -> None:
    make_board()

    assert signed_in("alice").post(f"/boards/launch/slots/{slot}/reserve").status_code == 404


def test_an_unknown_board_is_a_404() -> None:
    alice = signed_in("alice")

    assert alice.post(reserve_url(3, "nowhere")).status_code == 404
    assert alice.get("/boards/nowhere/").status_code == 404


def test_a_foreign_submission_cannot_be_carried() -> None:
    board = make_board()
    late = reserved(person("bob"), board, 3)
    close_window(late)

    answer = signed_in("charlie").post(reserve_url(4), {"carry": str(late.pk)})

    assert answer.status_code == 404
    assert not Submission.objects.filter(slot=4).exists()


def test_the_page_costs_a_counted_number_of_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    board = make_board()
    for slot in range(1, 6):
        in_review(person(f"p{slot}"), board, slot, link=f"https://tool{slot}.dev/")
    alice, bob = signed_in("alice"), signed_in("bob")

    # Session, user, board, cells, what the viewer may still do (2), their place on the waitlist, the
    # open reservation of the bar on top.
    with django_assert_num_queries(8):
        alice.get("/")
    # A live part: its version; then session, user, board, cells. It has no bar.
    with django_assert_num_queries(5):
        part = alice.get("/boards/launch/", headers=HTMX)
    # For others it is rendered already.
    with django_assert_num_queries(3):
        bob.get("/boards/launch/", headers=HTMX)
    # Who has asked before is known, and proved by the same query.
    with django_assert_num_queries(1):
        bob.get("/boards/launch/", headers=HTMX)
    # So is what is shown already.
    with django_assert_num_queries(1):
        alice.get("/boards/launch/", headers=HTMX | {"If-None-Match": part["ETag"]})


def test_reserving_costs_a_counted_number_of_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_board()
    alice = signed_in("alice")

    # Session, user; then one transaction (2): board, rivals, the row in a savepoint (3), the limit
    # per hour, its run's id in the row, the row as it is now. Django does not see the engine's own
    # INSERT of the run.
    with django_assert_num_queries(12):
        alice.post(reserve_url(3))


def test_htmx_gets_the_live_part_only(client: Client) -> None:
    make_board()

    part = client.get("/boards/launch/", headers=HTMX)

    assert "<html" not in part.content.decode()
    assert 'id="slot-24"' in part.content.decode()
    assert "HX-Request" in part["Vary"] and "Cookie" in part["Vary"]
    assert "private" in part["Cache-Control"]


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_htmx_gets_the_whole_page_where_it_swaps_the_whole_page(
    client: Client, header: str
) -> None:
    make_board()

    answer = client.get("/boards/launch/", headers=HTMX | {header: "true"})

    assert "<html" in answer.content.decode()


def test_an_unchanged_part_is_a_304_although_the_seconds_move(client: Client) -> None:
    board = make_board()
    submission = reserved(person("bob"), board, 3)
    first = client.get("/boards/launch/", headers=HTMX)

    again = client.get("/boards/launch/", headers=HTMX | {"If-None-Match": first["ETag"]})
    close_window(submission)
    changed = client.get("/boards/launch/", headers=HTMX | {"If-None-Match": first["ETag"]})

    assert (first.status_code, again.status_code, changed.status_code) == (200, 304, 200)
    assert again.content == b""
    assert again["ETag"] == first["ETag"] != changed["ETag"]


def test_the_part_is_another_one_for_each_viewer_and_filter(client: Client) -> None:
    reserved(person("bob"), make_board(), 3)
    tags = {
        viewer.get(f"/boards/launch/{query}", headers=HTMX)["ETag"]
        for viewer in (client, signed_in("alice"), signed_in("bob"))
        for query in ("", "?state=free")
    }

    assert len(tags) == 6


def test_looking_changes_nothing() -> None:
    late = reserved(person("alice"), make_board(), 3)
    close_window(late)
    before = list(Submission.objects.values())

    signed_in("alice").get("/")

    assert list(Submission.objects.values()) == before
    assert Submission.objects.get().status == Status.PENDING


def poll(visitor: Client, etag: str = "") -> Any:
    headers = HTMX | ({"If-None-Match": etag} if etag else {})
    return visitor.get("/boards/launch/", headers=headers)


def test_a_maker_sees_their_own_slot_and_others_do_not() -> None:
    board = make_board()
    alice, bob, stranger = signed_in("alice"), signed_in("bob"), Client()
    for visitor in (stranger, bob, alice):
        poll(visitor)

    own = reserved(person("alice"), board, 3)
    parts = [poll(visitor).content.decode() for visitor in (stranger, bob, alice, bob, stranger)]

    assert [str(own.pk) in part for part in parts] == [False, False, True, False, False]
    assert ["sign in first" in part for part in parts] == [True, False, False, False, True]


def test_a_part_that_was_kept_is_never_older_than_the_board() -> None:
    board = make_board()
    visitor = Client()
    empty = poll(visitor)

    submission = reserved(person("alice"), board, 3)
    taken = poll(visitor, empty["ETag"])
    withdraw(maker=person("alice"), submission_id=submission.pk)
    free = poll(visitor, taken["ETag"])

    assert b"Held by another maker" in taken.content
    assert free.content == empty.content
    assert free["ETag"] == empty["ETag"]


def test_what_changes_between_version_and_rows_is_not_kept_under_the_older_version() -> None:
    board = make_board()
    visitor = Client()

    def and_then_somebody_reserves(slug: str, session: str, user: int) -> Look:
        seen = look(slug, session, user)
        reserved(person("alice"), board, 3)
        return seen

    with (
        mock.patch.object(board_part, "look", and_then_somebody_reserves),
        mock.patch.object(board_part, "PARTS", board_part.KeptParts()) as kept,
    ):
        raced = poll(visitor)
    withdraw(maker=person("alice"), submission_id=Submission.objects.get().pk)
    with mock.patch.object(board_part, "PARTS", kept):
        free = poll(visitor, raced["ETag"])

    assert b"Held by another maker" in raced.content
    assert (free.status_code, b"Held by another maker" in free.content) == (200, False)


def test_a_kept_part_says_so_when_the_board_closes_by_time_alone() -> None:
    board = make_board()
    visitor = signed_in("bob")
    open_part = poll(visitor)

    close(board)
    closed = poll(visitor, open_part["ETag"])

    assert b"Closed" not in open_part.content
    assert (closed.status_code, b"Closed" in closed.content) == (200, True)


def test_signing_in_and_out_changes_the_part_at_once() -> None:
    make_board()
    visitor = Client()
    before = poll(visitor)

    visitor.force_login(person("alice"))
    signed_in_part = poll(visitor, before["ETag"])
    visitor.logout()
    after = poll(visitor, signed_in_part["ETag"])

    assert [part.status_code for part in (signed_in_part, after)] == [200, 200]
    assert after.content == before.content != signed_in_part.content


def test_who_was_known_is_a_stranger_as_soon_as_their_session_ends_elsewhere() -> None:
    reserved(person("alice"), make_board(), 3)
    alice, stranger = signed_in("alice"), Client()
    known = [poll(alice), poll(alice)]

    Session.objects.all().delete()

    assert all(b"Continue" in part.content for part in known)
    assert poll(alice).content == poll(stranger).content != known[0].content


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "another"}])
def test_who_was_known_is_a_stranger_once_they_may_not_sign_in_so(change: dict[str, Any]) -> None:
    reserved(person("alice"), make_board(), 3)
    alice, stranger = signed_in("alice"), Client()
    poll(alice)

    User.objects.filter(username="alice").update(**change)

    assert poll(alice).content == poll(stranger).content


def test_a_session_whose_time_is_over_shows_nobodys_slots() -> None:
    reserved(person("alice"), make_board(), 3)
    alice, stranger = signed_in("alice"), Client()
    poll(alice)

    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    assert poll(alice).content == poll(stranger).content


def test_a_session_that_becomes_another_persons_shows_theirs() -> None:
    """No sign-in of Django's does so, which gives each a new session: even then nobody is taken for
    somebody else."""
    board = make_board()
    reserved(person("alice"), board, 3)
    reserved(person("bob"), board, 4)
    alice, bob = signed_in("alice"), signed_in("bob")
    own = [poll(alice).content, poll(bob).content]

    of_bob = Session.objects.get(pk=bob.cookies["sessionid"].value).session_data
    Session.objects.filter(pk=alice.cookies["sessionid"].value).update(session_data=of_bob)

    assert [poll(alice).content, poll(bob).content] == [own[1], own[1]] != own


def test_many_who_want_the_same_have_it_rendered_once() -> None:
    parts = board_part.KeptParts()
    rendered: list[str] = []

    def ask(_: int) -> str:
        if parts.find("launch", "1", "", 0) is None:
            with parts.one_at_a_time():
                if parts.find("launch", "1", "", 0) is None:
                    rendered.append("once")
                    parts.makers.keep(frozenset(), "launch", "1")
                    parts.texts.keep(b"text", "launch", "1", "", "strangers")
        return str(parts.find("launch", "1", "", 0))

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(40)))

    assert (rendered, answers) == (["once"], {"b'text'"})


def test_the_part_holds_no_token_so_that_it_may_be_kept() -> None:
    make_board()

    part = poll(signed_in("alice"))

    assert b"csrf" not in part.content
    assert "csrftoken" not in part.cookies


def test_a_part_changes_with_the_release() -> None:
    make_board()
    visitor = Client()
    before = poll(visitor)

    with mock.patch("submissions.http.release", return_value="the next one"):
        after = poll(visitor, before["ETag"])

    assert (after.status_code, after["ETag"] != before["ETag"]) == (200, True)


@pytest.mark.parametrize("name", ["", "alice"])
def test_a_reload_after_a_refusal_leads_back_to_the_slot(name: str) -> None:
    make_board()
    visitor = signed_in(name) if name else Client()

    for answer in (visitor.get(reserve_url(3)), visitor.head(reserve_url(3))):
        assert (answer.status_code, answer["Location"]) == (302, "/boards/launch/#slot-3")
    assert visitor.put(reserve_url(3)).status_code == 405
    assert not Submission.objects.exists()
