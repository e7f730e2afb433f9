"""The directory of approved tools: search, category, order, pages."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from submissions.models import Submission
from submissions.services.moderate import approve, release
from submissions.states import Category
from submissions.tests.builders import in_review, make_board, moderator, person

pytestmark = pytest.mark.django_db


def publish(slot: int, name: str, mona: User, **changes: str) -> Submission:
    board = Submission.objects.first().board if Submission.objects.exists() else make_board()  # type: ignore[union-attr]
    changes = {"link": f"https://tool{slot}.dev/", "description": ""} | changes
    submission = in_review(person("alice"), board, slot, name=name, **changes)
    approve(submission_id=submission.pk, by=mona)
    return submission


def names(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/tools/{query}")
    assert answer.status_code == 200
    return [tool.name for tool in answer.context["page_obj"]]


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


def test_pages_hold_twelve_and_wrong_numbers_do_no_harm(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    mona = moderator()
    for slot in range(1, 14):
        publish(slot, f"Tool {slot:02}", mona)

    # Counts by category, how many, this page.
    with django_assert_num_queries(3):
        assert len(names(client)) == 12
    assert names(client, "?page=2") == ["Tool 01"]
    assert names(client, "?page=99") == ["Tool 01"]
    assert len(names(client, "?page=x&category=none&sort=none")) == 12


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
