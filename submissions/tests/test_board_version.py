"""The version of a board: another one for everything its page shows, also by time alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from submissions import moves
from submissions.board_version import board_version
from submissions.errors import BoardUnknown
from submissions.models import Board, Submission
from submissions.selectors import find_board
from submissions.services.withdraw import withdraw
from submissions.slot_board import slot_board
from submissions.states import Ended, Status
from submissions.tests.builders import close_window, in_review, make_board, person, reserved

pytestmark = pytest.mark.django_db


def change(board: Board, what: Callable[[], object]) -> tuple[str, str]:
    before = board_version(board.slug)
    what()
    return before, board_version(board.slug)


def test_it_stays_while_nothing_changes() -> None:
    board = make_board()
    reserved(person("alice"), board)
    other = make_board("other")

    before, after = change(board, lambda: reserved(person("bob"), other))

    assert before == after


def test_each_move_changes_it() -> None:
    board = make_board()
    seen = [board_version(board.slug)]

    submission = reserved(person("alice"), board)
    seen.append(board_version(board.slug))
    in_review(person("bob"), board, 5)
    seen.append(board_version(board.slug))
    Submission.objects.filter(slot=5).update(link_checked_at=Now())
    seen.append(board_version(board.slug))
    moves.approve(Submission.objects.get(slot=5).pk, "QueryLens")
    seen.append(board_version(board.slug))
    withdraw(maker=person("alice"), submission_id=submission.pk)
    seen.append(board_version(board.slug))
    moves.cancel(
        Submission.objects.get(slot=5).pk, olds=[Status.APPROVED], code=Ended.RELEASED, reason="x"
    )
    seen.append(board_version(board.slug))

    assert len(set(seen[:-1])) == len(seen) - 1
    assert seen[-1] == seen[0]  # all slots are free again


@pytest.mark.parametrize(
    "columns",
    [
        {"name": "Other"},
        {"tagline": "Other words"},
        {"slug": "other"},
        {"slot": 7},
        {"expires_at": F("expires_at") + timedelta(seconds=1)},
        {"reserved_at": F("reserved_at") - timedelta(seconds=1)},
    ],
)
def test_everything_a_cell_is_made_of_changes_it(columns: dict[str, object]) -> None:
    board = make_board()
    in_review(person("alice"), board)

    before, after = change(board, lambda: Submission.objects.update(**columns))

    assert before != after


def test_a_draft_is_nobodys_business() -> None:
    board = make_board()
    reserved(person("alice"), board)

    before, after = change(board, lambda: Submission.objects.update(draft={"name": "x"}))

    assert before == after


def test_the_end_of_a_countdown_changes_it_though_no_row_does() -> None:
    board = make_board(reservation_seconds=3600)
    submission = reserved(person("alice"), board)
    empty = board_version(make_board("empty").slug)

    before, after = change(board, lambda: close_window(submission))

    assert before != after == empty
    assert Submission.objects.get().status == Status.PENDING


@pytest.mark.parametrize("field", ["opens_at", "closes_at"])
def test_the_hours_of_the_board_change_it(field: str) -> None:
    board = make_board()
    soon = timezone.now() + timedelta(hours=1 if field == "opens_at" else -1)

    before, after = change(board, lambda: Board.objects.update(**{field: soon}))

    assert before != after


def test_the_number_of_slots_changes_it() -> None:
    board = make_board()

    before, after = change(board, lambda: Board.objects.update(slots=25))

    assert before != after


def test_it_is_that_of_the_rows_which_the_page_shows() -> None:
    make_board()
    for slot in range(1, 6):
        in_review(person(f"p{slot}"), Board.objects.get(), slot, link=f"https://tool{slot}.dev/")

    shown = slot_board(person("alice"), find_board("launch"))

    assert shown.version == board_version("launch")


def test_it_is_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_board()

    with django_assert_num_queries(1):
        board_version("launch")


@pytest.mark.parametrize("slug", ["nowhere", "a slug", "%s", "'; --"])
def test_an_unknown_board_is_refused(slug: str) -> None:
    make_board()

    with pytest.raises(BoardUnknown):
        board_version(slug)
