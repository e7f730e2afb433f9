"""Forty at once, on connections and in processes of their own: never one over a limit."""

import os
import subprocess
from functools import partial

from django.contrib.auth.models import User
from django.test import TransactionTestCase, override_settings

from ops.places import PYTHON
from submissions.errors import SlotsUsedUp
from submissions.limits import Deed, count
from submissions.models import Board, Usage
from submissions.states import Status
from submissions.tests.at_once import kinds, race
from submissions.tests.builders import make_board, person, reserved, send
from submissions.too_much import TooOften
from toolsite.tests.live_site import database_url

AT_ONCE = 40
COUNT_IN_A_PROCESS = """
import django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from submissions.limits import Deed, count
from submissions.too_much import TooOften

def ask(number):
    try:
        count("account:1", Deed.RESERVE)
    except TooOften:
        return 0
    return 1

with ThreadPoolExecutor(5) as threads:
    print(sum(threads.map(ask, range(10))))
"""


class AtOnce(TransactionTestCase):
    def test_forty_in_as_many_transactions_count_as_many_as_may(self) -> None:
        results = race([partial(count, "account:1", Deed.RESERVE)] * AT_ONCE)

        self.assertEqual(kinds(results), {"NoneType": 20, TooOften.__name__: 20})
        self.assertEqual(len(Usage.objects.get().moments), 20)

    def test_forty_in_four_processes_count_as_many_as_may(self) -> None:
        env = os.environ | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "toolsite.tests.settings",
        }
        processes = [
            subprocess.Popen([PYTHON, "-c", COUNT_IN_A_PROCESS], env=env, stdout=subprocess.PIPE)
            for _ in range(4)
        ]

        counted = [int(process.communicate(timeout=60)[0]) for process in processes]

        self.assertEqual(sum(counted), 20, counted)

    @override_settings(SUBMISSIONS={"reservations_per_hour": 7})
    def test_one_person_reserves_on_forty_boards_at_once_as_often_as_may(self) -> None:
        alice = person("alice")
        boards = [make_board(f"b{number}") for number in range(AT_ONCE)]

        results = race(partial(reserved, alice, board) for board in boards)

        self.assertEqual(kinds(results), {"Submission": 7, TooOften.__name__: AT_ONCE - 7})
        self.assertEqual(alice.submissions.count(), 7)

    @override_settings(SUBMISSIONS={"reservations_per_hour": 10_000, "open_link_checks": 10_000})
    def test_one_person_after_all_slots_at_once_gets_as_many_as_the_board_gives(self) -> None:
        alice, board = person("alice"), make_board(slots=AT_ONCE, slots_per_maker=3)

        results = race(partial(take, alice, board, slot) for slot in range(1, AT_ONCE + 1))

        held = board.submissions.active()
        self.assertEqual(held.filter(status=Status.IN_REVIEW).count(), 3, results)
        self.assertEqual(sorted(held.values_list("seat", flat=True)), [1, 2, 3])

    @override_settings(SUBMISSIONS={"open_link_checks": 2})
    def test_forty_details_at_once_wait_for_as_many_verdicts_as_may(self) -> None:
        alice = person("alice")
        with override_settings(SUBMISSIONS={"reservations_per_hour": 10_000}):
            mine = [reserved(alice, make_board(f"b{number}")) for number in range(AT_ONCE)]

        results = race(partial(send, submission) for submission in mine)

        self.assertEqual(kinds(results), {"Submission": 2, "TooManyChecks": AT_ONCE - 2})
        self.assertEqual(alice.submissions.filter(status=Status.IN_REVIEW).count(), 2)


def take(maker: User, board: Board, slot: int) -> None:
    """Try for the slot until there is none more to be had; send the details at once."""
    for _ in range(200):
        try:
            send(reserved(maker, board, slot), link=f"https://tool{slot}.dev/")
            return
        except SlotsUsedUp:
            return
        except Exception:
            continue
