"""Races for slots through the real web server: one holder, and polite words for everybody else."""

import random
import re
from collections import Counter
from functools import partial
from uuid import uuid4

from django.urls import reverse

from submissions.models import Board, Submission
from submissions.tests.builders import GOOD
from toolsite.tests.journeys.client import Answer, Client, together
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import crowd, new_board, reserved, somebody
from workflows.api import list_runs
from workflows.models import Run

PEOPLE = 100
FREE_SLOT = re.compile(r'href="[^"]*#slot-(\d+)"')


def address(board: Board, slot: int) -> str:
    return reverse("submissions:reserve", args=[board.slug, slot])


def free_slots(answer: Answer) -> list[int]:
    """Return the free slots that the page offers."""
    return [int(number) for number in FREE_SLOT.findall(answer.text)]


def runs_of(board: Board) -> list[str]:
    """Return the keys of the runs that belong to this board's submissions."""
    keys = {f"submission-{pk}" for pk in board.submissions.values_list("pk", flat=True)}
    return [run.key for run in list_runs(limit=1000) if run.key in keys]


def test_of_a_hundred_people_one_gets_the_slot_and_all_others_polite_words(site: OwnSite) -> None:
    board = new_board(slots=24)
    clients = [Client(site, user) for user in crowd(PEOPLE)]

    answers = together([partial(client.post, address(board, 3)) for client in clients])

    assert Counter(answer.status for answer in answers) == {303: 1, 409: PEOPLE - 1}
    for refused in (answer for answer in answers if answer.status == 409):
        assert "Someone took slot 3 a moment before you." in refused.text
        assert free_slots(refused) == [1, 2, 4, 5, 6, 7, 8, 9]
    [submission] = Submission.objects.filter(board=board)
    [winner] = (answer for answer in answers if answer.status == 303)
    assert winner.location == reverse("submissions:submission", args=[submission.pk])
    assert runs_of(board) == [f"submission-{submission.pk}"]


def hunt(client: Client, board: Board) -> list[Answer]:
    """Try a slot by chance, then free ones, until one is ours or none is left."""
    answers = [client.post(address(board, random.randint(1, board.slots)))]
    while answers[-1].status == 409 and (free := free_slots(answers[-1])):
        answers.append(client.post(address(board, random.choice(free))))
    return answers


def test_a_hundred_people_share_twenty_four_slots_among_twenty_four(site: OwnSite) -> None:
    board = new_board(slots=24)
    clients = [Client(site, user) for user in crowd(PEOPLE)]

    hunts = together([partial(hunt, client, board) for client in clients])

    assert {answer.status for answers in hunts for answer in answers} == {303, 409}
    assert Counter(answers[-1].status for answers in hunts) == {303: 24, 409: PEOPLE - 24}
    held = Submission.objects.filter(board=board).values_list("slot", "maker_id")
    assert sorted(slot for slot, _ in held) == list(range(1, 25))
    assert len({maker for _, maker in held}) == 24
    assert len(runs_of(board)) == 24


def test_twenty_clicks_at_once_of_one_person_are_one_reservation(site: OwnSite) -> None:
    board = new_board()
    alice = Client(site, somebody("alice"))

    answers = together([partial(alice.post, address(board, 3))] * 20)

    [submission] = Submission.objects.filter(board=board)
    page = reverse("submissions:submission", args=[submission.pk])
    assert Counter((answer.status, answer.location) for answer in answers) == {(303, page): 20}
    assert runs_of(board) == [f"submission-{submission.pk}"]


def test_one_key_sent_for_two_slots_at_once_is_one_reservation_and_refusals(site: OwnSite) -> None:
    board = new_board()
    alice, key = Client(site, somebody("alice")), {"Idempotency-Key": str(uuid4())}

    answers = together(
        [partial(alice.post, address(board, slot), headers=key) for slot in [1, 2] * 5]
    )

    [submission] = Submission.objects.filter(board=board)
    page = reverse("submissions:submission", args=[submission.pk])
    told = Counter((answer.status, answer.location) for answer in answers)
    assert told == {(303, page): 5, (422, ""): 5}
    assert runs_of(board) == [f"submission-{submission.pk}"]


def test_of_two_slots_asked_for_at_once_by_one_person_one_is_held(site: OwnSite) -> None:
    board = new_board()
    alice = Client(site, somebody("alice"))

    answers = together([partial(alice.post, address(board, slot)) for slot in range(1, 7)])

    assert Counter(answer.status for answer in answers) == {303: 1, 409: 5}
    [submission] = Submission.objects.filter(board=board)
    for refused in (answer for answer in answers if answer.status == 409):
        assert f"You already hold slot {submission.slot};" in refused.text


def test_details_sent_ten_times_at_once_are_taken_once(site: OwnSite) -> None:
    user, board = somebody("alice"), new_board()
    submission, alice = reserved(user, board), Client(site, user)
    page = reverse("submissions:submission", args=[submission.pk])
    details = GOOD | {"link": "http://127.0.0.1:1/"}

    answers = together([partial(alice.post, f"{page}details", details)] * 10)

    assert Counter((answer.status, answer.location) for answer in answers) == {(303, page): 10}
    assert Submission.objects.get(board=board).status == "in_review"
    assert Run.objects.get(key=f"submission-{submission.pk}").events == 1
