"""What the database refuses, whoever writes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from submissions.constraint import violated
from submissions.models import Board, Submission
from submissions.states import Status
from submissions.tests.builders import make_board, person

pytestmark = pytest.mark.django_db


def make_row(board: Board, **fields: Any) -> Submission:
    fields = {
        "slot": 1,
        "maker": person("alice"),
        "expires_at": timezone.now() + timedelta(minutes=2),
    } | fields
    return Submission.objects.create(board=board, **fields)


def refused_by(board: Board, **fields: Any) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make_row(board, **fields)
    return violated(error.value)


@pytest.mark.parametrize("status", [Status.PENDING, Status.IN_REVIEW, Status.APPROVED])
def test_an_active_submission_keeps_its_slot_to_itself(status: Status) -> None:
    board = make_board()
    make_row(board, status=status, slug="a")

    assert refused_by(board, maker=person("bob")) == "one_active_submission_per_slot"


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
def test_a_submission_that_is_over_leaves_its_slot(status: Status) -> None:
    board = make_board()
    make_row(board, status=status)

    assert make_row(board, maker=person("bob")).pk


def test_a_person_has_one_open_reservation_on_a_board() -> None:
    board = make_board()
    make_row(board, slot=1)

    assert refused_by(board, slot=2) == "one_open_reservation_per_person"
    assert make_row(make_board("other"), slot=2).pk


def test_a_link_is_on_a_board_once() -> None:
    board = make_board()
    make_row(board, slot=1, status=Status.IN_REVIEW, link_key="k")

    refusal = refused_by(board, slot=2, status=Status.APPROVED, link_key="k", slug="b")

    assert refusal == "one_active_link_per_board"
    assert make_row(board, slot=3, status=Status.REJECTED, link_key="k").pk


def test_an_idempotency_key_is_used_once_by_a_person() -> None:
    board = make_board()
    make_row(board, slot=1, idempotency_key="k", status=Status.CANCELLED)

    assert refused_by(board, slot=2, idempotency_key="k") == "one_submission_per_idempotency_key"
    assert make_row(board, slot=3, idempotency_key="k", maker=person("bob")).pk


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"slot": 0}, "submission_slot_at_least_1"),
        ({"status": "lost"}, "submission_status_known"),
        ({"status": Status.APPROVED}, "submission_approved_has_slug"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(fields: dict[str, Any], constraint: str) -> None:
    assert refused_by(make_board(), **fields) == constraint


def test_an_approved_tool_has_an_address_of_its_own() -> None:
    board = make_board()
    make_row(board, status=Status.APPROVED, slug="a", link_key="1")

    refusal = refused_by(board, slot=2, status=Status.APPROVED, slug="a", link_key="2")

    assert refusal == "one_tool_per_slug"


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"slots": 0}, "board_slots_in_range"),
        ({"slots": 501}, "board_slots_in_range"),
        ({"reservation_seconds": 0}, "board_window_in_range"),
        (
            {"opens_at": timezone.now(), "closes_at": timezone.now() - timedelta(days=1)},
            "board_closes_after_it_opens",
        ),
    ],
)
def test_a_board_that_makes_no_sense_is_refused(fields: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make_board(**fields)

    assert violated(error.value) == constraint


def test_the_longest_link_fits_the_index_of_links() -> None:
    board = make_board()
    longest = "https://querylens.dev/" + "".join(chr(0x4E00 + i % 5000) for i in range(2026))

    row = make_row(board, status=Status.IN_REVIEW, link=longest, link_key="d" * 64)

    assert row.link_host == "querylens.dev"
