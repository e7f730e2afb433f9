"""People at the same moment, on real connections: the constraints and moves decide."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.test import TransactionTestCase, override_settings

from submissions import moves
from submissions.admin import BoardForm
from submissions.errors import (
    DetailsTooLate,
    KeyReused,
    LinkOnBoard,
    OpenReservation,
    SlotTaken,
)
from submissions.models import Board, Submission
from submissions.services.moderate import approve, reject
from submissions.services.withdraw import withdraw
from submissions.states import Ended, Status
from submissions.tests.at_once import kinds, race
from submissions.tests.builders import (
    in_review,
    link_answers,
    make_board,
    moderator,
    person,
    reserved,
    send,
    verdict,
)
from workflows.api import RunState, get_run, list_runs
from workflows.testing import drive_until_idle, pass_time

ROUNDS = 40
WITHOUT_LIMITS = override_settings(
    SUBMISSIONS={"reservations_per_hour": 10_000, "open_link_checks": 10_000}
)
"""One person does in seconds what others do in days."""


@WITHOUT_LIMITS
class ReservingAtOnce(TransactionTestCase):
    def test_eight_people_race_for_each_of_fifty_slots(self) -> None:
        board = make_board(slots=50)
        people = [person(f"p{n}") for n in range(8)]

        def take_every_slot(maker: User) -> Callable[[], Counter[str]]:
            def deed() -> Counter[str]:
                seen: Counter[str] = Counter()
                for slot in range(1, 51):
                    try:
                        submission = reserved(maker, board, slot)
                        # Details at once, so that the next slot may be reserved.
                        send(submission, link=f"https://tool{slot}.dev/")
                        seen["reserved"] += 1
                    except SlotTaken:
                        seen["refused"] += 1
                return seen

            return deed

        results = race(take_every_slot(maker) for maker in people)

        seen = sum((each for each in results if isinstance(each, Counter)), Counter())
        self.assertEqual(seen, {"reserved": 50, "refused": 350})
        self.assertEqual(board.submissions.active().values("slot").distinct().count(), 50)
        self.assertEqual(Submission.objects.count(), 50)
        self.assertEqual(len(list_runs(limit=1000)), 50)

    def test_a_double_click_gives_one_submission(self) -> None:
        alice, board = person("alice"), make_board()

        for slot in range(1, 11):
            results = race([partial(reserved, alice, board, slot)] * 4)

            ids = {getattr(each, "pk", each) for each in results}
            self.assertEqual(len(ids), 1, results)
            Submission.objects.update(status=Status.CANCELLED)

    def test_one_key_stands_for_one_slot_whichever_is_first(self) -> None:
        alice, board = person("alice"), make_board()

        results = race(
            partial(reserved, alice, board, slot, idempotency_key="k") for slot in range(1, 9)
        )

        self.assertEqual(kinds(results), {"Submission": 1, KeyReused.__name__: 7})
        self.assertEqual(Submission.objects.count(), 1)

    def test_one_person_at_many_slots_holds_one(self) -> None:
        alice, board = person("alice"), make_board()

        results = race(partial(reserved, alice, board, slot) for slot in range(1, 9))

        self.assertEqual(kinds(results), {"Submission": 1, OpenReservation.__name__: 7})

    def test_an_overdue_slot_is_taken_over_by_one_of_many(self) -> None:
        board = make_board()
        late = reserved(person("alice"), board, 3)
        overdue_now(late)
        people = [person(f"p{n}") for n in range(8)]

        results = race(partial(reserved, each, board, 3) for each in people)

        self.assertEqual(kinds(results), {"Submission": 1, SlotTaken.__name__: 7})


@WITHOUT_LIMITS
class DetailsAgainstTheDeadline(TransactionTestCase):
    def test_exactly_one_side_wins_and_the_answer_agrees_with_the_row(self) -> None:
        board, alice = make_board(slots=ROUNDS), person("alice")
        delay = 0.01
        won: dict[Submission, str] = {}
        for slot in range(1, ROUNDS + 1):
            submission = reserved(alice, board, slot)
            expire = partial(expire_in_time, submission, delay)

            said, _ = race([partial(send_own, submission), expire])

            assert isinstance(said, Submission | DetailsTooLate), said
            submission.refresh_from_db()
            expected = Status.IN_REVIEW if isinstance(said, Submission) else Status.CANCELLED
            self.assertEqual(submission.status, expected)
            won[submission] = expected
            # So that the next race is closer, however fast this machine is today.
            delay *= 0.7 if expected == Status.IN_REVIEW else 1.5
        self.assertEqual(set(won.values()), {Status.IN_REVIEW, Status.CANCELLED})
        with link_answers(verdict()):
            drive_until_idle()
        for submission, status in won.items():
            submission.refresh_from_db()
            ended = Status.APPROVED if status == Status.IN_REVIEW else Status.CANCELLED
            self.assertEqual(submission.status, ended)

    def test_the_flow_ends_as_the_row_says_when_both_come_at_once(self) -> None:
        alice = person("alice")
        submissions = [reserved(alice, make_board(f"b{n}"), 1) for n in range(8)]
        drive_until_idle()
        for submission in submissions:
            assert submission.run_id is not None
            pass_time(submission.run_id)

        with link_answers(verdict()):
            race([partial(send_own, each) for each in submissions], meanwhile=drive_until_idle)
            drive_until_idle()

        for submission in submissions:
            submission.refresh_from_db()
            assert submission.run_id is not None
            run = get_run(submission.run_id)
            self.assertEqual((run.state, run.output), (RunState.COMPLETED, submission.status))
            self.assertIn(submission.status, {Status.APPROVED, Status.CANCELLED})


class FewerSlots(TransactionTestCase):
    def test_a_board_does_not_shrink_below_a_reservation_that_is_being_made(self) -> None:
        board, alice = make_board(slots=24), person("alice")
        asked = threading.Event()
        errors: list[str] = []

        def shrink() -> None:
            facts = {f: getattr(board, f) for f in BoardForm.Meta.fields} | {"slots": 10}
            asked.set()
            with transaction.atomic():
                form = BoardForm(facts, instance=Board.objects.get(pk=board.pk))
                errors.append(form.errors.as_text())
            connection.close()

        moderator_thread = threading.Thread(target=shrink)
        with transaction.atomic():
            reserved(alice, board, 20)
            moderator_thread.start()
            asked.wait(timeout=30)
            while moderator_thread.is_alive() and not somebody_waits_for_a_lock():
                pass
        moderator_thread.join(timeout=30)

        self.assertIn("Slot 20 is in use", "".join(errors))


class OneLink(TransactionTestCase):
    def test_the_same_link_sent_by_many_at_once_is_taken_once(self) -> None:
        board = make_board()
        mine = [reserved(person(f"p{n}"), board, n) for n in range(1, 7)]

        results = race(partial(send, each) for each in mine)

        self.assertEqual(kinds(results), {"Submission": 1, LinkOnBoard.__name__: 5})


@WITHOUT_LIMITS
class Moderators(TransactionTestCase):
    def test_two_moderators_and_the_maker_at_once_leave_one_outcome(self) -> None:
        board, mona, alice = make_board(), moderator(), person("alice")
        for slot in range(1, 13):
            submission = in_review(alice, board, slot, link=f"https://tool{slot}.dev/")

            pk = submission.pk
            results = race(
                [
                    partial(approve, submission_id=pk, by=mona),
                    partial(reject, submission_id=pk, reason="No.", by=mona),
                    partial(withdraw, maker=alice, submission_id=pk),
                ]
            )

            submission.refresh_from_db()
            approved, rejected, withdrawn = results
            assert isinstance(withdrawn, Submission), withdrawn
            winners = [
                status
                for status, result in [(Status.APPROVED, approved), (Status.REJECTED, rejected)]
                if result is None
            ]
            if withdrawn.reason_code == Ended.WITHDRAWN:
                winners.append(Status.CANCELLED)
            self.assertEqual(winners, [submission.status], results)


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        [waits] = cursor.fetchone()
    return bool(waits)


def send_own(submission: Submission) -> Submission:
    own = Submission.objects.get(pk=submission.pk)
    return send(own, link=f"https://tool{own.slot}.dev/")


def expire_in_time(submission: Submission, seconds: float) -> None:
    """Let the window end soon, and cancel the moment it does, unless the details come first."""
    ends = Now() + timedelta(seconds=seconds)
    Submission.objects.filter(pk=submission.pk).update(expires_at=ends)
    pending = Submission.objects.filter(pk=submission.pk, status=Status.PENDING)
    while pending.exists():
        moves.expire_overdue(Q(pk=submission.pk))


def overdue_now(submission: Submission) -> None:
    Submission.objects.filter(pk=submission.pk).update(expires_at=F("reserved_at"))
