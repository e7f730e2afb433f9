"""The board as each viewer may see it, in one query."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models.functions import Now
from django.test import TestCase

from submissions.board_version import board_version
from submissions.models import Board, Submission
from submissions.selectors import find_board, free_slots
from submissions.services.moderate import approve
from submissions.slot_board import SlotBoard, SlotCell, slot_board
from submissions.states import Status
from submissions.tests.builders import (
    close_window,
    in_review,
    make_board,
    moderator,
    person,
    reserved,
)


class SlotBoardTests(TestCase):
    board: Board
    alice: User
    bob: User
    held: Submission
    reviewed: Submission
    published: Submission

    @classmethod
    def setUpTestData(cls) -> None:
        cls.board = find_board(make_board(slots=6).slug)
        cls.alice, cls.bob = person("alice"), person("bob")
        cls.held = reserved(cls.alice, cls.board, 2)
        cls.reviewed = in_review(cls.bob, cls.board, 3)
        cls.published = in_review(cls.bob, cls.board, 4, link="https://other.dev/", name="Other")
        approve(submission_id=cls.published.pk, by=moderator())

    def seen_by(self, name: str, state: str = "") -> SlotBoard:
        viewer = person(name) if name else AnonymousUser()
        return slot_board(viewer, self.board, state)

    def cell(self, number: int, name: str = "charlie") -> SlotCell:
        return self.seen_by(name).cells[number - 1]

    def test_one_query_however_many_slots_are_held(self) -> None:
        charlie = person("charlie")

        with self.assertNumQueries(1):
            slot_board(charlie, self.board)

    def test_every_slot_has_a_cell_and_the_counts_add_up(self) -> None:
        board = self.seen_by("charlie")

        self.assertEqual([cell.number for cell in board.cells], [1, 2, 3, 4, 5, 6])
        self.assertEqual(board.counts, {"free": 3, "reserved": 1, "in_review": 1, "approved": 1})
        self.assertEqual(board.free_slots, [1, 5, 6])

    def test_a_filter_hides_cells_but_not_counts(self) -> None:
        board = self.seen_by("charlie", "in_review")

        self.assertEqual([cell.number for cell in board.cells], [3])
        self.assertEqual((board.counts["free"], board.free_slots), (3, [1, 5, 6]))

    def test_an_unknown_filter_shows_everything(self) -> None:
        board = self.seen_by("", "'; DROP TABLE")

        self.assertEqual((len(board.cells), board.state_filter), (6, ""))

    def test_a_reserved_slot_tells_others_only_when_it_frees(self) -> None:
        cell = self.cell(2)

        self.assertEqual((cell.state, cell.mine, cell.name), ("reserved", False, ""))
        self.assertEqual((cell.submission_id, cell.reservation_seconds), (None, 120))
        self.assertIn(cell.seconds_left, range(60, 121))

    def test_ones_own_slot_leads_to_its_submission(self) -> None:
        cell = self.cell(2, "alice")

        self.assertEqual((cell.mine, cell.submission_id), (True, self.held.pk))

    def test_a_tool_in_review_says_what_it_waits_for(self) -> None:
        self.assertEqual(self.cell(3).label, "Checking the link")

        Submission.objects.filter(pk=self.reviewed.pk).update(link_checked_at="2030-01-01T00:00Z")

        self.assertEqual(self.cell(3).label, "Waiting for a moderator")

    def test_an_approved_tool_leads_to_its_page(self) -> None:
        cell = self.cell(4)

        self.assertEqual((cell.state, cell.name, cell.tool_slug), ("approved", "Other", "other"))
        self.assertIsNone(cell.submission_id)

    def test_an_overdue_reservation_is_free(self) -> None:
        close_window(self.held)

        self.assertEqual(self.cell(2).state, "free")
        self.assertEqual(free_slots(self.board), [1, 2, 5, 6])
        self.assertEqual(Submission.objects.get(pk=self.held.pk).status, Status.PENDING)

    def test_a_closed_board_has_no_slot_to_reserve(self) -> None:
        Board.objects.filter(pk=self.board.pk).update(closes_at=Now())

        self.assertEqual(free_slots(self.board), [])

    def test_the_version_is_the_polls_own(self) -> None:
        self.assertEqual(self.seen_by("charlie").version, board_version(self.board.slug))
        self.assertEqual(self.seen_by("alice", "free").version, board_version(self.board.slug))

    def test_those_who_hold_a_slot_are_known(self) -> None:
        self.assertEqual(self.seen_by("").makers, {self.alice.pk, self.bob.pk})
