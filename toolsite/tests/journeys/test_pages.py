"""Every page that no other journey passes: accessible in both themes, never wider than a phone."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Dialog, Route, expect

from submissions.models import Board, Submission
from submissions.tests.builders import GOOD
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import (
    new_board,
    numbers,
    published,
    reserved,
    sent,
    somebody,
)

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbea"[:60]
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def full_board(site: OwnSite, links: LinkServer) -> Iterator[Board]:
    """A board with a slot in every state, and a name that is hard to fit."""
    board = new_board(intro="Pick a slot.")
    published(somebody("bob"), board, slot=1, name="Driftwatch", tagline="Config drift alerts")
    published(somebody("bob"), board, slot=2, name=LONG, tagline="x" * 80)
    link = links.gated()
    sent(somebody("bob"), board, link, slot=3, name="Tinybus")
    reserved(somebody("bob"), board, slot=4)
    yield board
    links.open(link)


FOR_STRANGERS = [
    "/",
    "/?state=free",
    "/?state=in_review",
    "/tools/",
    "/tools/?q=nothing-is-called-so",
    "/no/such/page",
    "/boards/no-such-board/",
    "/tools/no-such-tool/",
    "/accounts/confirm-email/worn-out/",
    "/accounts/password/reset/key/1-worn-out/",
]
FOR_MAKERS = [
    "/",
    "/submissions/",
    f"/submissions/{UNKNOWN_ID}/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
]


def test_a_stranger_can_read_every_page(visit: Visit, full_board: Board) -> None:
    page = visit().page

    for path in FOR_STRANGERS:
        page.goto(path)
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
        look_at(page)


def test_a_maker_can_read_every_page(visit: Visit, full_board: Board) -> None:
    alice = somebody("alice")
    published(alice, full_board, slot=5)
    reserved(alice, full_board, slot=6)
    page = visit(alice).page

    for path in FOR_MAKERS:
        page.goto(path)
        expect(page.get_by_role("region", name="Your reservation")).to_be_visible()
        look_at(page)


def test_an_empty_list_says_what_to_do(visit: Visit, site: OwnSite) -> None:
    new_board()
    page = visit(somebody("alice")).page

    page.goto("/submissions/")

    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    look_at(page)


def test_a_closed_board_offers_nothing(visit: Visit, site: OwnSite) -> None:
    board = new_board(closes_at=Now() - timedelta(hours=1))
    page = visit(somebody("alice")).page

    page.goto(f"/boards/{board.slug}/")

    expect(page.get_by_text("This board is closed.")).to_be_visible()
    expect(page.get_by_role("button", name="Reserve")).to_have_count(0)
    look_at(page)


def test_the_directory_is_searched_filtered_sorted_and_paged(visit: Visit, site: OwnSite) -> None:
    bob, board, word = somebody("bob"), new_board(slots=40), f"word{next(numbers)}"
    for number in range(1, 15):
        category = "design" if number <= 3 else "data"
        tagline = f"{word} for everybody"
        details = {"name": f"Tool {number:02d}", "tagline": tagline, "category": category}
        published(bob, board, slot=number, **details)
    page = visit().page
    names = page.locator("ul.directory h2")
    page.goto("/tools/")

    page.get_by_role("searchbox").fill(f"  {word.upper()}  EVERYBODY ")
    page.get_by_label("Sort by").select_option("Name")
    page.get_by_role("button", name="Search").click()

    expect(names).to_have_text([f"Tool {number:02d}" for number in range(1, 13)])
    look_at(page)
    page.get_by_role("link", name="Next").click()
    expect(names).to_have_text(["Tool 13", "Tool 14"])
    page.get_by_role("link", name="Previous").click()
    expect(names).to_have_count(12)
    page.get_by_role("link", name="Design").click()
    expect(names).to_have_text(["Tool 01", "Tool 02", "Tool 03"])
    expect(page.get_by_role("searchbox")).to_have_value(f"{word.upper()} EVERYBODY")
    page.get_by_role("link", name="Finance").click()
    expect(names).to_have_count(0)
    page.get_by_role("link", name="Show all tools").click()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_the_details_form_fits_a_phone(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    page = visit(alice).page

    page.goto(f"/submissions/{reserved(alice, new_board()).pk}/")

    look_at(page)


def test_somebody_elses_submission_is_not_there(visit: Visit, site: OwnSite) -> None:
    submission = reserved(somebody("alice"), new_board())
    page = visit(somebody("charlie")).page

    answer = page.goto(f"/submissions/{submission.pk}/")

    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("main")).to_contain_text(
        "There is no submission of yours at this address."
    )
    expect(page.get_by_text("Slot 03")).to_have_count(0)
    look_at(page)


def hold_back_news(route: Route) -> None:
    """Answer the page's own questions with nothing new."""
    if "hx-request" in route.request.headers:
        route.fulfill(status=204)
    else:
        route.continue_()


def test_a_slot_taken_a_moment_before_is_named_and_free_ones_are_offered(
    visit: Visit, site: OwnSite
) -> None:
    alice, bob, board = somebody("alice"), somebody("bob"), new_board()
    page = visit(alice).page
    page.goto("/")
    # No news reaches the page before the click.
    page.route("**/boards/**", hold_back_news)
    reserved(bob, board, slot=3)

    with page.expect_response(lambda answer: answer.request.method == "POST") as taken:
        page.get_by_role("button", name="Reserve slot 3").click()

    assert taken.value.status == 409
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text(
        "Someone took slot 3 a moment before you. Slots 1, 2, 4, 5 and 6 are free."
    )
    expect(refusal).to_be_focused()
    look_at(page)
    refusal.get_by_role("link", name="5").click()
    expect(page.locator("#slot-5")).to_be_in_viewport()
    page.get_by_role("button", name="Reserve slot 5").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tell us about your tool")


def test_what_strangers_write_is_text_everywhere(visit: Visit, site: OwnSite) -> None:
    tag = "<script>alert(1)</script>"
    alice, board = somebody("alice"), new_board(slots=6)
    hostile = GOOD | {"name": f"{tag}x", "tagline": f"<img src=x onerror=alert(2)>{tag}"}
    hostile |= {"description": f'"><svg onload=alert(3)>{tag}', "link": "javascript:alert(4)"}
    tool = published(alice, board, slot=1, **hostile)
    waiting = reserved(alice, board, slot=2)
    Submission.objects.filter(pk=waiting.pk).update(draft=hostile)
    page = visit(alice).page
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)

    for path in [
        "/",
        f"/tools/?q={tag}",
        f"/tools/{tool.slug}/",
        "/submissions/",
        f"/submissions/{tool.pk}/",
        f"/submissions/{waiting.pk}/",
    ]:
        page.goto(path)
        assert page.locator("main script, main img, main [onload], main [onerror]").count() == 0
        assert page.locator("a[href^='javascript:'], a[href^='data:']").count() == 0
    assert dialogs == []
    page.goto(f"/tools/{tool.slug}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{tag}x")
