"""Each board has an Atom feed of its approved tools."""

from xml.etree import ElementTree

import pytest
from django.test import Client
from pytest_django import Settings

from submissions.models import Submission
from submissions.services.moderate import approve
from submissions.tests.builders import in_review, make_board, moderator, person

pytestmark = pytest.mark.django_db
ATOM = {"atom": "http://www.w3.org/2005/Atom"}


@pytest.fixture(autouse=True)
def at_tools_example(settings: Settings) -> None:
    settings.SITE_URL = "https://tools.example"


def feed(client: Client, path: str = "/boards/launch/feed.atom") -> ElementTree.Element:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    return ElementTree.fromstring(answer.content)


def text(element: ElementTree.Element, path: str) -> str:
    found = element.find(path, ATOM)
    assert found is not None
    return found.text or ""


def published(name: str = "QueryLens") -> Submission:
    submission = in_review(person("alice"), make_board(), name=name)
    approve(submission_id=submission.pk, by=moderator())
    return submission


def test_an_approved_tool_is_an_entry_with_its_address_and_its_lasting_id(client: Client) -> None:
    tool = published()

    [entry] = feed(client).findall("atom:entry", ATOM)

    assert text(entry, "atom:title") == "QueryLens"
    assert text(entry, "atom:summary") == "Explains slow SQL in plain words"
    assert text(entry, "atom:id") == f"urn:uuid:{tool.pk}"
    link = entry.find("atom:link", ATOM)
    assert link is not None
    assert link.attrib["href"] == "https://tools.example/tools/querylens/"


def test_the_feed_names_itself_by_the_sites_own_address(client: Client, settings: Settings) -> None:
    published()
    settings.ALLOWED_HOSTS = ["*"]

    answer = client.get("/boards/launch/feed.atom", headers={"host": "evil.example"})

    assert b"evil.example" not in answer.content
    assert b'href="https://tools.example/boards/launch/feed.atom"' in answer.content


def test_an_empty_board_has_an_empty_feed_and_no_board_has_none(client: Client) -> None:
    make_board()

    assert feed(client).findall("atom:entry", ATOM) == []
    assert client.get("/boards/nowhere/feed.atom").status_code == 404


def test_characters_that_xml_cannot_hold_are_left_out(client: Client) -> None:
    tool = published()
    Submission.objects.filter(pk=tool.pk).update(name="Query\x0bLens\ufffe <b>&")

    [entry] = feed(client).findall("atom:entry", ATOM)

    assert text(entry, "atom:title") == "QueryLens <b>&"


def test_the_board_page_points_to_its_feed(client: Client) -> None:
    make_board()

    page = client.get("/boards/launch/").content.decode()

    assert '<link rel="alternate" type="application/atom+xml"' in page
    assert 'href="/boards/launch/feed.atom"' in page
