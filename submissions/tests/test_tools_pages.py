"""The directory of approved tools: search, category, order, pages."""

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from submissions.models import Board, Submission
from submissions.services.moderate import approve, release
from submissions.states import Category
from submissions.tests.builders import in_review, make_board, moderator, person

pytestmark = pytest.mark.django_db


def publish(slot: int, name: str, mona: User, **changes: str) -> Submission:
    board = Board.objects.first() or make_board(slots=40)
    changes = {"link": f"https://tool{slot}.dev/", "description": ""} | changes
    submission = in_review(person(f"maker{slot}"), board, slot, name=name, **changes)
    approve(submission_id=submission.pk, by=mona)
    return submission


def names(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/tools/{query}")
    assert answer.status_code == 200
    return [tool.name for tool in answer.context["tools"]]


def test_approved_tools_are_listed_newest_first_or_by_name(client: Client) -> None:
    mona = moderator()
    for slot, name in enumerate(["Beta", "Alpha", "Gamma"], start=1):
        publish(slot, name, mona)

    assert names(client) == ["Gamma", "Alpha", "Beta"]
    assert names(client, "?sort=name") == ["Alpha", "Beta", "Gamma"]


def test_what_is_not_approved_or_was_released_is_not_there(client: Client) -> None:
    mona = moderator()
    gone = publish(1, "Gone", mona)
    release(submission_id=gone.pk, reason="It moved.", by=mona)
    in_review(person("bob"), gone.board, 2)

    assert names(client) == []
    assert client.get("/tools/gone/").status_code == 404


def test_every_word_must_be_somewhere(client: Client) -> None:
    mona = moderator()
    publish(1, "QueryLens", mona, tagline="Explains slow SQL", description="For teams")
    publish(2, "Sundial", mona, tagline="Cron with a memory", description="For teams")

    assert names(client, "?q=query") == ["QueryLens"]
    assert names(client, "?q=TEAMS+cron") == ["Sundial"]
    assert names(client, "?q=teams+nothing") == []


@pytest.mark.parametrize("query", ["%25", "_", "%5C", "%00", "%27%3B--", "+" * 50, "x" * 5000])
def test_signs_that_mean_something_to_a_database_are_letters_here(
    client: Client, query: str
) -> None:
    publish(1, "QueryLens", moderator())

    found = names(client, f"?q={query}")

    assert found == (["QueryLens"] if query in ("%00", "+" * 50) else [])


def test_categories_count_what_the_search_found(client: Client) -> None:
    mona = moderator()
    publish(1, "One", mona, category="data")
    publish(2, "Two", mona, category="data")
    publish(3, "Three", mona, category="ops", description="One more")

    everything = client.get("/tools/?category=ops").context
    found = client.get("/tools/?q=one").context

    counts = {value: count for value, _, count in everything["categories"]}
    assert set(counts) == set(Category.values)
    assert (counts["data"], counts["ops"], everything["total"]) == (2, 1, 1)
    assert {v: c for v, _, c in found["categories"] if c} == {"data": 1, "ops": 1}


def test_pages_hold_twelve_and_are_walked_forth_and_back(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    mona = moderator()
    for slot in range(1, 27):
        publish(slot, f"Tool {slot:02}", mona)

    # Counts by category, this page.
    with django_assert_num_queries(2):
        assert len(names(client)) == 12
    for sort, expected in (("new", range(26, 0, -1)), ("name", range(1, 27))):
        assert walk(client, f"?sort={sort}", "next") == [f"Tool {n:02}" for n in expected]


def walk(client: Client, query: str, way: str) -> list[str]:
    """Follow the links to the last page, then back to the first; both ways show the same."""
    pages = [client.get(f"/tools/{query}")]
    while older := link_of(pages[-1], "next"):
        pages.append(client.get(older))
    forth = [[tool.name for tool in page.context["tools"]] for page in pages]
    back = [pages[-1]]
    while newer := link_of(back[-1], "prev"):
        back.append(client.get(newer))
    assert [[tool.name for tool in page.context["tools"]] for page in back] == forth[::-1]
    return [name for page in forth for name in page]


def link_of(page: Any, rel: str) -> str:
    found = re.search(f'rel="{rel}" href="([^"]+)"', page.content.decode())
    return html.unescape(found[1]) if found else ""


def test_tools_of_one_moment_or_one_name_are_shown_once_each(client: Client) -> None:
    mona = moderator()
    for slot in range(1, 16):
        publish(slot, "Same", mona)
    Submission.objects.update(decided_at=Now())

    for sort in ("new", "name"):
        assert walk(client, f"?sort={sort}", "next") == ["Same"] * 15


@pytest.mark.parametrize(
    "place",
    ["x", "~", "2026~x", "%00", "9999-99-99~1", "after~00000000-0000-0000-0000-000000000000"],
)
def test_a_place_that_is_none_is_the_first_page(client: Client, place: str) -> None:
    publish(1, "QueryLens", moderator())

    assert names(client, f"?after={place}&category=none&sort=none") == ["QueryLens"]
    assert names(client, f"?before={place}") == ["QueryLens"]


def test_a_part_of_a_name_written_in_humps_is_found(client: Client) -> None:
    publish(1, "QueryLens", moderator())

    assert names(client, "?q=lens") == names(client, "?q=querylens") == ["QueryLens"]
    assert names(client, "?q=erylens") == []


def test_a_tool_is_found_by_the_words_it_has_now(client: Client) -> None:
    tool = publish(1, "QueryLens", moderator())

    Submission.objects.filter(pk=tool.pk).update(tagline="Reads plans")

    assert names(client, "?q=plans") == ["QueryLens"]
    assert names(client, "?q=explains") == []


def test_what_a_common_word_finds_is_counted_up_to_a_bound(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mona = moderator()
    for slot in range(1, 5):
        publish(slot, f"Tool {slot}", mona)
    monkeypatch.setattr("submissions.directory.COUNTED_AT_MOST", 2)

    assert "More than 3 tools" in client.get("/tools/?q=tool").content.decode()
    assert "4 tools" in client.get("/tools/").content.decode()


def test_a_tool_has_a_page_and_its_link_is_kept_at_arms_length(client: Client) -> None:
    publish(1, "<script>alert(1)</script>", moderator(), description="<b>bold</b>")

    answer = client.get("/tools/scriptalert1script/")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<script>alert" not in page and "<b>bold" not in page
    assert 'rel="nofollow ugc noopener"' in page


def test_an_unknown_tool_is_a_404_with_a_way_out(client: Client) -> None:
    answer = client.get("/tools/nothing/")

    assert answer.status_code == 404
    assert "/tools/" in answer.content.decode()
