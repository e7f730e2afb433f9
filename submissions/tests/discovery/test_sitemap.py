"""sitemap.xml names every public page, under the site's own address."""

from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries, Settings

from submissions.discovery.sitemap import ToolPages
from submissions.models import Submission
from submissions.services.moderate import approve, release
from submissions.tests.builders import in_review, make_board, moderator, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_tools_example")]


@pytest.fixture
def at_tools_example(settings: Settings) -> None:
    settings.SITE_URL = "https://tools.example/"


def published(slot: int, name: str, by: User) -> Submission:
    board = Submission.objects.first().board if Submission.objects.exists() else make_board()  # type: ignore[union-attr]
    submission = in_review(person("alice"), board, slot, name=name, link=f"https://t{slot}.dev/")
    approve(submission_id=submission.pk, by=by)
    return submission


def addresses(client: Client, path: str) -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200
    tree = ElementTree.fromstring(answer.content)
    return [
        each.text or "" for each in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")
    ]


def test_the_index_names_the_parts(client: Client) -> None:
    assert addresses(client, "/sitemap.xml") == [
        "https://tools.example/sitemap-boards.xml",
        "https://tools.example/sitemap-tools.xml",
    ]


def test_boards_and_approved_tools_are_there_and_released_ones_are_not(client: Client) -> None:
    mona = moderator()
    published(1, "QueryLens", mona)
    gone = published(2, "Gone", mona)
    release(submission_id=gone.pk, reason="It moved.", by=mona)

    assert addresses(client, "/sitemap-boards.xml") == [
        "https://tools.example/tools/",
        "https://tools.example/boards/launch/",
    ]
    assert addresses(client, "/sitemap-tools.xml") == ["https://tools.example/tools/querylens/"]


def test_whoever_asks_under_another_name_does_not_choose_the_address(client: Client) -> None:
    with override_settings(ALLOWED_HOSTS=["*"]):
        found = client.get("/sitemap.xml", headers={"host": "evil.example"})

    assert b"evil.example" not in found.content


def test_many_tools_are_parted_and_each_part_is_two_queries(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    mona = moderator()
    for slot in (1, 2, 3):
        published(slot, f"Tool {slot}", mona)
    monkeypatch.setattr(ToolPages, "limit", 2)

    assert "https://tools.example/sitemap-tools.xml?p=2" in addresses(client, "/sitemap.xml")
    with django_assert_num_queries(2):
        assert len(addresses(client, "/sitemap-tools.xml?p=2")) == 1


@pytest.mark.parametrize(
    "path", ["/sitemap-nothing.xml", "/sitemap-tools.xml?p=9", "/sitemap-tools.xml?p=x"]
)
def test_a_part_that_is_not_there_is_a_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
