"""The table of moves, walked pair by pair."""

from itertools import product

import pytest

from submissions.models import Submission
from submissions.states import ACTIVE, FINISHED, MOVES, Status
from submissions.tests.builders import make_board, person

PAIRS = list(product(Status, Status))


def submission_in(status: Status) -> Submission:
    submission = Submission(
        board=make_board(), slot=1, maker=person("alice"), status=status, slug="a-tool"
    )
    submission.expires_at = "2030-01-01T00:00:00Z"
    submission.save()
    return submission


def test_every_state_has_a_row() -> None:
    assert set(MOVES) == set(Status)


def test_every_state_but_the_first_is_reached_by_a_move() -> None:
    reached = {new for news in MOVES.values() for new in news}

    assert reached == set(Status) - {Status.PENDING}


def test_a_state_that_frees_the_slot_is_final() -> None:
    freed = set(Status) - set(ACTIVE)

    assert all(not MOVES[status] for status in freed)
    assert freed < set(FINISHED)


@pytest.mark.django_db
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_move_happens_once_if_the_table_has_it_and_raises_otherwise(
    old: Status, new: Status
) -> None:
    submission = submission_in(old)

    if new not in MOVES[old]:
        with pytest.raises(ValueError, match=f"{old.value} cannot become {new.value}"):
            Submission.objects.move(submission.pk, [old], new)
        expected = old
    else:
        assert Submission.objects.move(submission.pk, [old], new)
        assert not Submission.objects.move(submission.pk, [old], new)
        expected = new

    submission.refresh_from_db()
    assert submission.status == expected


@pytest.mark.django_db
def test_a_move_from_a_state_the_row_is_not_in_changes_nothing() -> None:
    submission = submission_in(Status.APPROVED)

    moved = Submission.objects.move(submission.pk, [Status.PENDING], Status.CANCELLED)

    submission.refresh_from_db()
    assert (moved, submission.status) == (False, Status.APPROVED)
