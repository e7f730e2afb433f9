"""The waitlist at the same moment: a slot goes to one, one gets one slot, and none is lost."""

import random
from collections.abc import Callable
from functools import partial

from django.contrib.auth.models import User
from django.test import TransactionTestCase, override_settings

from submissions.errors import BoardHasRoom, SubmissionError
from submissions.models import Board, Submission
from submissions.services.waitlist import join, leave
from submissions.services.withdraw import withdraw
from submissions.states import Status
from submissions.tests.at_once import kinds, race
from submissions.tests.builders import close_window, make_board, person, reserved

ROUNDS = 25


def give_back(submission: Submission) -> None:
    withdraw(maker=submission.maker, submission_id=submission.pk)


def join_or_take(maker: User, board: Board) -> str:
    try:
        join(maker=maker, board_slug=board.slug)
        return "waits"
    except BoardHasRoom:
        return "room"


def board_held_by(makers: list[User]) -> tuple[Board, list[Submission]]:
    number = Board.objects.count()
    board = make_board(f"b{number}", slots=len(makers))
    return board, [reserved(maker, board, slot) for slot, maker in enumerate(makers, start=1)]


@override_settings(
    SUBMISSIONS={
        "reservations_per_hour": 10_000,
        "withdrawals_per_hour": 10_000,
        "waitlist_joins_per_hour": 10_000,
    }
)
class AtOnce(TransactionTestCase):
    def test_slots_that_fall_free_together_go_to_as_many_people(self) -> None:
        board, held = board_held_by([person(f"h{n}") for n in range(10)])
        for number in range(15):
            join(maker=person(f"w{number}"), board_slug=board.slug)

        results = race(partial(give_back, each) for each in held)

        self.assertEqual(kinds(results), {"NoneType": 10})
        offered = board.submissions.filter(offered=True, status=Status.PENDING)
        self.assertEqual(offered.values("maker").distinct().count(), 10)
        self.assertEqual(offered.values("slot").distinct().count(), 10)
        self.assertEqual(
            sorted(board.waiting.values_list("maker__username", flat=True)),
            sorted(f"w{number}" for number in range(10, 15)),
        )

    def test_who_joins_while_the_last_slot_falls_free_gets_it_or_is_told_of_it(self) -> None:
        alice, bob = person("alice"), person("bob")
        seen = set()
        for _ in range(ROUNDS):
            board, [submission] = board_held_by([alice])

            said, freed = race([partial(join_or_take, bob, board), partial(give_back, submission)])

            self.assertIsNone(freed)
            got_it = board.submissions.filter(maker=bob, status=Status.PENDING).exists()
            self.assertEqual(got_it, said == "waits", said)
            self.assertFalse(board.waiting.exists())
            seen.add(said)
        self.assertLessEqual(seen, {"waits", "room"})

    def test_rivals_for_an_overdue_slot_lose_to_who_waits(self) -> None:
        alice, bob = person("alice"), person("bob")
        rivals = [person(f"r{number}") for number in range(8)]
        for _ in range(5):
            board, [submission] = board_held_by([alice])
            join(maker=bob, board_slug=board.slug)
            close_window(submission)

            results = race(partial(reserved, rival, board, 1) for rival in rivals)

            self.assertEqual(kinds(results), {"SlotTaken": 8})
            self.assertEqual(board.submissions.holding().get().maker, bob)

    def test_people_who_do_everything_at_once_end_no_transaction(self) -> None:
        """Deadlocks and double offers would show: as an error, or as two reservations of one."""
        people = [person(f"p{number}") for number in range(8)]
        board = make_board(slots=4)
        for slot, maker in enumerate(people[:4], start=1):
            reserved(maker, board, slot)

        results = race(partial(live, maker, board, number) for number, maker in enumerate(people))

        self.assertEqual(kinds(results), {"NoneType": 8}, results)
        held = board.submissions.active()
        self.assertEqual(held.values("slot").distinct().count(), held.count())
        self.assertEqual(held.values("maker").distinct().count(), held.count())


def live(maker: User, board: Board, seed: int) -> None:
    """Join, leave, reserve and give back by chance; refusals are part of life."""
    chance = random.Random(seed)
    for _ in range(40):
        own = board.submissions.holding().filter(maker=maker).first()
        deeds: list[Callable[[], object]] = [
            partial(join, maker=maker, board_slug=board.slug),
            partial(reserved, maker, board, chance.randint(1, board.slots)),
            partial(leave, maker=maker, board_slug=board.slug),
        ]
        if own is not None:
            deeds += [partial(give_back, own), partial(close_window, own)]
        try:
            chance.choice(deeds)()
        except SubmissionError:
            continue
