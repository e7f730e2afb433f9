"""How often somebody may do something: any stretch of time, said before and said when."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client, override_settings

from submissions.errors import SlotsUsedUp
from submissions.limits import Deed, account, address, count, forget_some, left_of
from submissions.models import Board, Submission, Usage
from submissions.services.withdraw import withdraw
from submissions.states import Status
from submissions.tests.builders import (
    GOOD,
    in_review,
    make_board,
    person,
    reserved,
    send,
    signed_in,
)
from submissions.too_much import TooManyChecks, TooOften

pytestmark = pytest.mark.django_db

TWO_AN_HOUR = override_settings(
    SUBMISSIONS={"reservations_per_hour": 2, "withdrawals_per_hour": 2, "searches_per_minute": 2}
)


def later(**time: float) -> None:
    """Let so much time pass for all that is counted."""
    for usage in Usage.objects.all():
        usage.moments = [moment - timedelta(**time) for moment in usage.moments]
        usage.save(update_fields=["moments"])
    Usage.objects.update(until=F("until") - timedelta(**time))


@TWO_AN_HOUR
def test_what_is_over_the_limit_is_refused_with_the_time_of_the_next_one() -> None:
    count("account:1", Deed.RESERVE)
    later(minutes=20)
    count("account:1", Deed.RESERVE)

    with pytest.raises(TooOften) as refusal:
        count("account:1", Deed.RESERVE)

    assert refusal.value.retry_after_seconds in (2399, 2400)
    assert "2 reservations within an hour" in refusal.value.message


@TWO_AN_HOUR
def test_every_stretch_of_time_counts_and_not_the_hours_of_the_clock() -> None:
    count("account:1", Deed.RESERVE)
    later(minutes=59)
    count("account:1", Deed.RESERVE)
    later(minutes=2)
    count("account:1", Deed.RESERVE)

    with pytest.raises(TooOften):
        count("account:1", Deed.RESERVE)


@TWO_AN_HOUR
def test_what_is_left_is_told_without_counting() -> None:
    count("account:1", Deed.RESERVE)

    for _ in range(3):
        assert left_of("account:1", Deed.RESERVE).left == 1
    assert left_of("account:1", Deed.WITHDRAW).left == 2
    assert left_of("account:2", Deed.RESERVE).left == 2


@TWO_AN_HOUR
def test_a_limit_that_is_lowered_holds_at_once_and_says_when_it_ends() -> None:
    for _ in range(2):
        count("account:1", Deed.RESERVE)
        later(minutes=10)

    with override_settings(SUBMISSIONS={"reservations_per_hour": 1}):
        left = left_of("account:1", Deed.RESERVE)

    assert (left.left, left.seconds_to_next) == (0, 3000)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (address(one) == address(other)) is same
    assert one not in address(one)


def test_rows_of_which_nothing_counts_are_forgotten() -> None:
    for number in range(3):
        count(f"account:{number}", Deed.SEARCH)
    later(minutes=2)
    count("account:0", Deed.SEARCH)

    forget_some()

    assert [usage.who for usage in Usage.objects.all()] == ["account:0"]


@TWO_AN_HOUR
def test_a_refused_reservation_is_not_made_and_not_counted() -> None:
    alice, boards = person("alice"), [make_board(f"b{number}") for number in range(3)]
    for board in boards[:2]:
        reserved(alice, board)

    for _ in range(2):
        with pytest.raises(TooOften):
            reserved(alice, boards[2])

    assert Submission.objects.count() == 2
    later(hours=1)
    assert reserved(alice, boards[2]).status == Status.PENDING


@TWO_AN_HOUR
def test_asking_again_for_ones_own_slot_is_not_counted() -> None:
    alice, board = person("alice"), make_board()

    assert len({reserved(alice, board).pk for _ in range(5)}) == 1
    assert left_of(account(alice.pk), Deed.RESERVE).left == 1


@TWO_AN_HOUR
def test_slots_are_given_back_so_often_within_an_hour() -> None:
    alice = person("alice")
    mine = [reserved(alice, make_board("a")), reserved(alice, make_board("b"))]
    for submission in mine:
        for _ in range(2):
            withdraw(maker=alice, submission_id=submission.pk)
    with override_settings(SUBMISSIONS={"withdrawals_per_hour": 2}):
        another = reserved(alice, make_board("c"))

    with pytest.raises(TooOften):
        withdraw(maker=alice, submission_id=another.pk)

    another.refresh_from_db()
    assert another.status == Status.PENDING


def test_a_board_gives_each_maker_three_slots_unless_it_says_otherwise() -> None:
    assert Board().slots_per_maker == 3


def test_a_maker_holds_as_many_slots_as_the_board_gives() -> None:
    alice, board = person("alice"), make_board(slots_per_maker=2)
    first = in_review(alice, board, 1, link="https://one.dev/")
    in_review(alice, board, 2, link="https://two.dev/")

    with pytest.raises(SlotsUsedUp, match="gives each maker 2 slots"):
        reserved(alice, board, 3)
    assert reserved(person("bob"), board, 3).seat == 1

    withdraw(maker=alice, submission_id=first.pk)
    assert reserved(alice, board, 4).seat == 1


def test_so_many_links_of_a_maker_are_checked_at_a_time() -> None:
    alice, board = person("alice"), make_board()
    with override_settings(SUBMISSIONS={"open_link_checks": 1}):
        first = in_review(alice, board, 1, link="https://one.dev/")
        second = reserved(alice, board, 2)

        with pytest.raises(TooManyChecks):
            send(second)

        second.refresh_from_db()
        assert (second.status, second.typed) == (Status.PENDING, GOOD)
        withdraw(maker=alice, submission_id=first.pk)
        assert send(second).status == Status.IN_REVIEW


# The pages


@TWO_AN_HOUR
def test_the_page_of_a_limit_is_a_429_that_says_when() -> None:
    alice = signed_in("alice")
    for slug in ("a", "b", "c"):
        make_board(slug)
        answer = alice.post(f"/boards/{slug}/slots/1/reserve")

    page = answer.content.decode()
    assert answer.status_code == 429
    assert 3595 <= int(answer["Retry-After"]) <= 3600
    assert "2 reservations within an hour is the limit" in page
    assert "<time" in page and "UTC" in page


def test_no_further_slot_is_a_409() -> None:
    board = make_board(slots_per_maker=1)
    in_review(person("alice"), board, 1)

    answer = signed_in("alice").post("/boards/launch/slots/2/reserve")

    assert answer.status_code == 409
    assert "This board gives each maker 1 slot" in answer.content.decode()


def test_too_many_checks_are_a_429_with_all_that_was_typed() -> None:
    board = make_board()
    with override_settings(SUBMISSIONS={"open_link_checks": 1}):
        in_review(person("alice"), board, 1, link="https://one.dev/")
        second = reserved(person("alice"), board, 2)

        answer = signed_in("alice").post(f"/submissions/{second.pk}/details", GOOD)

    page = answer.content.decode()
    assert answer.status_code == 429
    assert answer["Retry-After"] == "10"
    assert "One of your links is being checked" in page
    assert 'value="QueryLens"' in page


@TWO_AN_HOUR
def test_the_board_says_what_is_left_and_then_when_there_is_more() -> None:
    make_board(slots_per_maker=3)
    alice = signed_in("alice")

    before = alice.get("/").content.decode()
    for slug in ("a", "b"):
        reserved(person("alice"), make_board(slug))
    after = alice.get("/").content.decode()

    assert "You hold 0 of 3 slots you can have here, and can reserve 2 more" in before
    assert "You have reserved 2 slots within an hour." in after


def test_the_board_says_that_no_further_slot_can_be_had() -> None:
    board = make_board(slots_per_maker=1)
    in_review(person("alice"), board, 1)

    assert "You hold 1 of 1 slot you can have here." in signed_in("alice").get("/").content.decode()


def test_a_stranger_is_told_of_no_limit(client: Client) -> None:
    make_board()

    assert "you can have here" not in client.get("/").content.decode()


@TWO_AN_HOUR
def test_the_form_says_how_many_slots_may_be_given_back() -> None:
    alice = person("alice")
    for slug in ("a", "b"):
        submission = reserved(alice, make_board(slug))
        page = signed_in("alice").get(f"/submissions/{submission.pk}/").content.decode()
        withdraw(maker=alice, submission_id=submission.pk)
    with override_settings(SUBMISSIONS={"withdrawals_per_hour": 2}):
        third = reserved(alice, make_board("c"))
        full = signed_in("alice").get(f"/submissions/{third.pk}/").content.decode()

    assert "You can give back 1 more slot within this hour." in page
    assert "You have given back 2 slots within an hour" in full
    assert "Give it back</button>" in page.replace("quiet push", "")
    assert 'class="btn danger"' not in full


@TWO_AN_HOUR
def test_an_address_searches_so_often_and_an_account_of_its_own(client: Client) -> None:
    statuses = [client.get("/tools/", {"q": "sql"}).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert client.get("/tools/").status_code == 200
    assert client.get("/tools/", {"q": "sql"}, REMOTE_ADDR="192.0.2.7").status_code == 200
    assert signed_in("alice").get("/tools/", {"q": "sql"}).status_code == 200


@TWO_AN_HOUR
def test_behind_a_proxy_the_address_is_the_visitors(client: Client) -> None:
    def ask(said: str) -> int:
        return client.get("/tools/", {"q": "sql"}, headers={"X-Forwarded-For": said}).status_code

    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        assert [ask("192.0.2.1") for _ in range(3)] == [200, 200, 429]
        assert ask("192.0.2.1, 192.0.2.2") == 200
        # What a visitor writes there themselves is not believed.
        assert ask("192.0.2.9, 192.0.2.1") == 429
    assert [ask(f"192.0.2.{number}") for number in range(20, 23)] == [200, 200, 429]


@override_settings(SUBMISSIONS={"sign_ups_per_hour": 2})
def test_an_address_sends_so_many_sign_up_forms(client: Client) -> None:
    answers = [client.post("/accounts/signup/", {"email": "not one"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 3500
    assert client.get("/accounts/signup/").status_code == 200
