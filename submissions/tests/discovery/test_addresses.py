"""What is shown elsewhere names the site's own address; a page says what it is."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from submissions.discovery.addresses import absolute
from submissions.services.moderate import approve
from submissions.tests.builders import in_review, make_board, moderator, person

HOSTILE = 'Q"><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def at_tools_example(settings: Settings) -> None:
    settings.SITE_URL = "https://tools.example/"


def head(client: Client, path: str) -> str:
    page = client.get(path).content.decode()
    return page.partition("</head>")[0]


def metas(head: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"', head))


def test_an_absolute_address_has_one_slash_behind_the_host() -> None:
    assert absolute("/tools/") == "https://tools.example/tools/"


@pytest.mark.django_db
def test_a_tools_page_describes_itself_to_search_engines_and_previews(client: Client) -> None:
    submission = in_review(person("alice"), make_board(), name=HOSTILE)
    approve(submission_id=submission.pk, by=moderator())
    submission.refresh_from_db()

    found = head(client, f"/tools/{submission.slug}/")

    told = metas(found)
    address = f"https://tools.example/tools/{submission.slug}/"
    assert told["description"] == told["og:description"] == "Explains slow SQL in plain words"
    assert told["og:title"] == "Q&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
    assert told["og:url"] == address
    assert f'<link rel="canonical" href="{address}">' in found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ("/", "/boards/launch/"),
        ("/boards/launch/?state=free", "/boards/launch/"),
        ("/tools/?q=a", "/tools/"),
    ],
)
def test_pages_with_several_addresses_name_the_one_that_counts(
    client: Client, asked: str, canonical: str
) -> None:
    make_board()

    assert f'<link rel="canonical" href="https://tools.example{canonical}">' in head(client, asked)
