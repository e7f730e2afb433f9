"""A board that asks for a moderator: an admin decides, and the maker's page follows."""

from playwright.sync_api import Page, expect

from submissions.models import Board
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.mailbox import wait_for_letter
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import (
    moderator,
    new_board,
    reserved,
    sent,
    somebody,
    wait_for,
)

WAITING = "A moderator looks at your tool"


def choose(admin: Page, board: Board, action: str) -> None:
    """Choose the board's only submission in the admin, and what is to be done with it."""
    admin.goto(f"/admin/submissions/submission/?board__id__exact={board.pk}")
    admin.get_by_role("checkbox", name="Select this object for an action").check()
    admin.get_by_label("Action:").select_option(action)
    admin.get_by_role("button", name="Go").click()


def test_a_moderator_publishes_a_tool_and_the_makers_page_follows(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board(needs_moderator=True)
    maker, admin = visit(alice).page, visit(moderator()).page
    submission = sent(alice, board, links.page(), name="Mapmaker")
    maker.goto(f"/submissions/{submission.pk}/")
    headline = maker.get_by_role("heading", level=1)
    expect(headline).to_have_text(WAITING)
    look_at(maker)

    choose(admin, board, "Approve")
    expect(admin.get_by_role("heading", level=1)).to_have_text("Approve the chosen submissions?")
    expect(admin.locator("#content")).to_contain_text(f"{board.name}, slot 3: Mapmaker")
    look_at(admin)
    assert wait_for(submission, "in_review").decided_at is None
    admin.get_by_role("button", name="Approve").click()

    expect(admin.get_by_text(f"Slot 3 of {board.name}: approved.")).to_be_visible()
    expect(headline).to_have_text("Mapmaker is published")
    assert "Mapmaker" in wait_for_letter(site, alice.email)


def test_a_moderators_reason_reaches_the_maker(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board(needs_moderator=True)
    maker, admin = visit(alice).page, visit(moderator()).page
    submission = sent(alice, board, links.page())
    maker.goto(f"/submissions/{submission.pk}/")
    expect(maker.get_by_role("heading", level=1)).to_have_text(WAITING)

    choose(admin, board, "Reject, with a reason")
    admin.get_by_label("Reason").fill("It is a <b>shop</b>, not a tool.")
    admin.get_by_role("button", name="Reject").click()

    expect(admin.get_by_text(f"Slot 3 of {board.name}: rejected.")).to_be_visible()
    expect(maker.get_by_role("heading", level=1)).to_have_text("Your tool was not published")
    expect(maker.locator("#status")).to_contain_text("It is a <b>shop</b>, not a tool.")
    look_at(maker)
    assert "It is a <b>shop</b>, not a tool." in wait_for_letter(site, alice.email)


def test_a_moderator_takes_a_published_tool_away(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board()
    admin = visit(moderator()).page
    submission = wait_for(sent(alice, board, links.page(), name="Gone soon"), "approved")

    choose(admin, board, "Release the slot, with a reason")
    admin.get_by_label("Reason").fill("Its maker asked for it.")
    admin.get_by_role("button", name="Release").click()

    expect(admin.get_by_text(f"Slot 3 of {board.name}: released.")).to_be_visible()
    assert site.status(f"/tools/{submission.slug}/") == 404
    wait_for(submission, "cancelled")


def test_a_moderators_pages_are_accessible(visit: Visit, site: OwnSite) -> None:
    reserved(somebody("alice"), new_board())
    page = visit(moderator()).page

    for path in ["", "submissions/board/", "submissions/submission/"]:
        page.goto(f"/admin/{path}")
        look_at(page)


def test_an_operator_reads_what_a_run_has_done(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    submission = wait_for(sent(somebody("alice"), new_board(), links.missing()), "rejected")
    page = visit(moderator()).page

    page.goto("/admin/workflows/run/")
    look_at(page)
    page.goto(f"/admin/workflows/run/{submission.run_id}/change/")

    expect(page.locator("#content")).to_contain_text("check_link")
    look_at(page)
