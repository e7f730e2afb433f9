"""Reserving: one slot, one holder; the row and its run together."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from submissions.errors import (
    BoardClosed,
    BoardUnknown,
    CarryUnknown,
    KeyReused,
    KeyUnusable,
    OpenReservation,
    SlotTaken,
    SlotUnknown,
)
from submissions.models import Submission
from submissions.services.reserve_slot import reserve_slot
from submissions.services.withdraw import withdraw
from submissions.states import Ended, Status
from submissions.tests.builders import (
    GOOD,
    close_window,
    in_review,
    make_board,
    person,
    reserved,
    send,
)
from workflows.api import RunState, get_run, list_runs

pytestmark = pytest.mark.django_db


def test_a_free_slot_becomes_hers_and_its_run_is_due() -> None:
    alice, board = person("alice"), make_board()

    submission = reserved(alice, board, 3)

    assert submission.status == Status.PENDING
    assert submission.run_id is not None
    run = get_run(submission.run_id)
    assert run.state == RunState.PENDING
    assert run.input == {"submission_id": str(submission.pk), "window_seconds": 120.0}


def test_the_window_is_the_boards_by_the_databases_clock() -> None:
    board = make_board(reservation_seconds=45)

    submission = reserved(person("alice"), board)

    assert submission.expires_at - submission.reserved_at == timedelta(seconds=45)
    assert 44 <= submission.seconds_left <= 45


def test_a_rollback_takes_the_run_with_the_row() -> None:
    alice, board = person("alice"), make_board()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        reserved(alice, board)
        raise ZeroDivisionError

    assert not Submission.objects.exists()
    assert list_runs() == []


def test_asking_again_for_the_same_slot_gives_the_same_submission() -> None:
    alice, board = person("alice"), make_board()
    first = reserved(alice, board, 3)

    again = reserved(alice, board, 3)

    assert again.pk == first.pk
    assert len(list_runs()) == 1


def test_asking_again_after_the_details_gives_the_same_submission() -> None:
    alice, board = person("alice"), make_board()
    first = in_review(alice, board, 3)

    assert reserved(alice, board, 3).pk == first.pk


def test_the_same_key_again_for_its_slot_gives_the_same_submission() -> None:
    alice, board = person("alice"), make_board()
    first = reserved(alice, board, 3, idempotency_key="k-1")
    withdraw(maker=alice, submission_id=first.pk)

    again = reserved(alice, board, 3, idempotency_key="k-1")

    assert again.pk == first.pk


def test_a_key_of_another_slot_or_board_is_refused_and_nothing_is_reserved() -> None:
    alice, board, other = person("alice"), make_board(), make_board("other")
    send(reserved(alice, board, 3, idempotency_key="k-1"))
    reserved(alice, board, 5)

    for where, slot in [(board, 4), (board, 5), (other, 3)]:
        with pytest.raises(KeyReused, match="slot 3"):
            reserved(alice, where, slot, idempotency_key="k-1")

    assert Submission.objects.count() == 2


def test_the_same_key_of_another_person_is_another_request() -> None:
    board = make_board()
    first = reserved(person("alice"), board, 3, idempotency_key="k-1")

    other = reserved(person("bob"), board, 4, idempotency_key="k-1")

    assert other.pk != first.pk


@pytest.mark.parametrize("key", ["", "k" * 201, "a b", "ключ", "a\0b", "a\n"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(KeyUnusable):
        reserved(person("alice"), make_board(), 3, idempotency_key=key)


def test_a_taken_slot_is_refused_by_name() -> None:
    board = make_board()
    reserved(person("alice"), board, 3)

    with pytest.raises(SlotTaken) as refusal:
        reserved(person("bob"), board, 3)

    assert refusal.value.slot == 3
    assert "slot 3" in refusal.value.message


def test_one_open_reservation_per_person_and_board_names_the_other() -> None:
    alice, board = person("alice"), make_board()
    reserved(alice, board, 3)

    with pytest.raises(OpenReservation) as refusal:
        reserved(alice, board, 4)

    assert "slot 3" in refusal.value.message


def test_another_board_or_a_second_slot_after_the_details_is_fine() -> None:
    alice, board = person("alice"), make_board()
    in_review(alice, board, 3)

    reserved(alice, board, 4)
    reserved(alice, make_board("other"), 4)

    assert alice.submissions.filter(status=Status.PENDING).count() == 2


@pytest.mark.parametrize("slot", [0, 25, 9999, 10**30])
def test_a_slot_outside_the_board_is_unknown(slot: int) -> None:
    with pytest.raises(SlotUnknown):
        reserved(person("alice"), make_board(), slot)


def test_a_board_that_is_not_there_is_unknown() -> None:
    with pytest.raises(BoardUnknown):
        reserve_slot(maker=person("alice"), board_slug="nowhere", slot=1)


@pytest.mark.parametrize("field", ["opens_at", "closes_at"])
def test_a_closed_board_is_refused(field: str) -> None:
    away = timedelta(hours=1 if field == "opens_at" else -1)
    board = make_board()
    setattr(board, field, timezone.now() + away)
    board.save(update_fields=[field])

    with pytest.raises(BoardClosed, match="Launch"):
        reserved(person("alice"), board)


def test_an_overdue_reservation_gives_way_before_the_cluster_has_noticed() -> None:
    board = make_board()
    late = reserved(person("alice"), board, 3)
    close_window(late)

    won = reserved(person("bob"), board, 3)

    late.refresh_from_db()
    assert won.status == Status.PENDING
    assert (late.status, late.reason_code) == (Status.CANCELLED, Ended.EXPIRED)


def test_an_overdue_reservation_of_ones_own_does_not_stand_in_the_way() -> None:
    alice, board = person("alice"), make_board()
    close_window(reserved(alice, board, 3))

    assert reserved(alice, board, 4).slot == 4
    assert reserved(alice, make_board("other"), 3).slot == 3


def test_the_same_slot_again_after_the_window_is_a_new_reservation() -> None:
    alice, board = person("alice"), make_board()
    late = reserved(alice, board, 3)
    close_window(late)

    assert reserved(alice, board, 3).pk != late.pk


def test_what_was_typed_is_carried_to_another_slot() -> None:
    alice, board = person("alice"), make_board()
    late = reserved(alice, board, 3)
    withdraw(maker=alice, submission_id=late.pk)
    Submission.objects.filter(pk=late.pk).update(draft={"name": "Half a to"})

    fresh = reserved(alice, board, 4, carry=str(late.pk))

    assert fresh.typed == {"name": "Half a to"}
    assert fresh.carried_from_id == late.pk


def test_the_details_of_a_rejected_tool_are_carried() -> None:
    alice, board = person("alice"), make_board()
    refused = in_review(alice, board, 3)
    Submission.objects.filter(pk=refused.pk).update(status=Status.REJECTED)

    fresh = reserved(alice, board, 3, carry=str(refused.pk))

    assert fresh.typed == GOOD


def test_only_ones_own_finished_submission_can_be_carried() -> None:
    alice, bob, board = person("alice"), person("bob"), make_board()
    theirs = reserved(bob, board, 3)
    withdraw(maker=bob, submission_id=theirs.pk)
    going_on = in_review(alice, board, 4)

    for carry in (str(theirs.pk), str(going_on.pk), str(uuid4()), "not-an-id", "\0"):
        with pytest.raises(CarryUnknown):
            reserved(alice, board, 5, carry=carry)
