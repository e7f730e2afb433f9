"""The admin's list of submissions: searched by an index, in pages by place, counted up to a number."""

import html
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from submissions import admin_list
from submissions.admin import SubmissionAdmin
from submissions.models import Board, Submission
from submissions.tests.builders import make_board, moderator, person

pytestmark = pytest.mark.django_db

LIST = "/admin/submissions/submission/"
MANY = 2_000
"""Submissions, each of another maker."""


@pytest.fixture
def mona() -> Client:
    client = Client()
    client.force_login(moderator())
    client.get("/")
    return client


def row(board: Board, slot: int, maker: User | None = None, **facts: Any) -> Submission:
    return Submission.objects.create(
        board=board,
        slot=slot,
        maker=maker or person("alice"),
        status="cancelled",
        expires_at="2026-01-01T00:00Z",
        **facts,
    )


def slots(answer: Any) -> list[int]:
    return [each.slot for each in answer.context["cl"].result_list]


def found(client: Client, q: str, **more: str) -> list[int]:
    answer = client.get(LIST, {"q": q, **more})
    assert answer.status_code == 200
    return sorted(slots(answer))


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("querylens", [1]),
        ("lens", [1]),
        ("QUERY slow", [1]),
        ("query cron", []),
        ("sundial.example", [2]),
        ("https://sundial.example.com/", [2]),
        ("alice@", [1]),
        ("BOB@EXAMPLE", [2]),
        ("ob@example", []),
        ("a' | b:*\\", []),
        ("%", []),
        ("工具", [3]),
        (" ", [1, 2, 3]),
    ],
)
def test_words_addresses_and_ids_find(mona: Client, q: str, expected: list[int]) -> None:
    board = make_board()
    row(board, 1, name="QueryLens", tagline="Explains slow SQL", link="https://query.dev/")
    row(board, 2, person("bob"), name="Clock", tagline="Cron", link="https://sundial.example.com/a")
    row(board, 3, person("carla"), name="工具")

    assert found(mona, q) == expected


def test_an_id_finds_its_own(mona: Client) -> None:
    board = make_board()
    one = row(board, 1)
    row(board, 2)

    assert found(mona, str(one.pk)) == [1]
    assert found(mona, str(uuid4())) == []


def test_search_and_filters_go_together(mona: Client) -> None:
    board = make_board()
    row(board, 1, name="Same", category="data")
    row(board, 2, name="Same", category="ops")

    assert found(mona, "same", category="ops") == [2]


@pytest.mark.parametrize("counted_at_most", [3, 1000])
def test_pages_are_walked_forth_and_back(
    mona: Client, monkeypatch: pytest.MonkeyPatch, counted_at_most: int
) -> None:
    monkeypatch.setattr(SubmissionAdmin, "list_per_page", 3)
    monkeypatch.setattr(admin_list, "COUNTED_AT_MOST", counted_at_most)
    board = make_board()
    for slot in range(1, 9):
        # Some of one moment.
        row(board, slot, name="Same", reserved_at=f"2026-01-0{slot // 2 + 1}T00:00Z")

    forth = [mona.get(LIST, {"q": "same", "status__exact": "cancelled"})]
    while older := link_of(forth[-1], "next"):
        forth.append(mona.get(LIST + older))
    back = [forth[-1]]
    while newer := link_of(back[-1], "prev"):
        back.append(mona.get(LIST + newer))

    assert len(forth) == 3
    assert [slots(page) for page in back] == [slots(page) for page in forth][::-1]
    walked = [slot for page in forth for slot in slots(page)]
    assert sorted(walked) == list(range(1, 9))
    assert [slot // 2 for slot in walked] == sorted([s // 2 for s in walked], reverse=True)
    words = "More than 3" if counted_at_most == 3 else "8"
    assert f"{words} submissions" in " ".join(forth[0].content.decode().split())


def link_of(page: Any, rel: str) -> str:
    link = re.search(f'rel="{rel}" href="([^"]+)"', page.content.decode())
    return html.unescape(link[1]) if link else ""


@pytest.mark.parametrize("place", ["x", "after.x", "after.~", "before.2026~1", "9" * 5000, "-1"])
def test_a_place_that_is_none_is_the_first_page(mona: Client, place: str) -> None:
    row(make_board(), 1)

    assert slots(mona.get(LIST, {"p": place})) == [1]


def test_a_page_asks_the_same_few_questions_however_much_there_is(
    mona: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    board = make_board()
    for slot in range(1, 11):
        row(board, slot, person(f"maker{slot}"))
    mona.get(LIST)

    # Session, user, the count, this page, the filter's boards.
    with django_assert_num_queries(5):
        mona.get(LIST)


@pytest.mark.parametrize(
    ("sought", "index"),
    [("name77", "submission_search_idx"), ("ana77@example.com", "submission_maker_email_idx")],
)
def test_a_search_uses_its_index(sought: str, index: str) -> None:
    """Among so many, and with statistics of just now: the plan hangs on no other test's rows."""
    board = make_board()
    numbers = range(1, MANY + 1)
    people = [User(username=f"ana{n}", email=f"Ana{n}@example.com") for n in numbers]
    User.objects.bulk_create(people)
    Submission.objects.bulk_create(
        Submission(
            board=board,
            slot=1,
            maker=maker,
            status="cancelled",
            expires_at="2026-01-01T00:00Z",
            name=f"name{n}",
        )
        for n, maker in zip(numbers, people, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE auth_user, submissions_submission")

    plan = admin_list.searched(Submission.objects.order_by(), sought).explain()

    assert index in plan and "Seq Scan" not in plan, plan
