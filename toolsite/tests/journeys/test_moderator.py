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


def test_the_queue_is_worked_off_with_keys_alone(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board(needs_moderator=True)
    first, second = (
        sent(alice, board, f"{links.page()}?{slot}", slot, name=f"Mapmaker {slot}")
        for slot in (3, 4)
    )
    mona = visit(moderator()).page
    mona.goto(f"/moderation/{first.pk}/")
    expect(mona.locator("#link-check")).to_contain_text("The link works.")
    expect(mona.locator("[data-keys]")).to_be_visible()
    look_at(mona)

    mona.keyboard.press("r")
    mona.keyboard.type("It is an advert, and a")
    expect(mona.get_by_label("Reason").first).to_have_value("It is an advert, and a")
    mona.keyboard.press("Tab")
    mona.keyboard.press("Enter")

    expect(mona.get_by_text(f"Slot 3 of {board.name}: rejected.")).to_be_visible()
    wait_for(first, "rejected")
    mona.goto(f"/moderation/{second.pk}/")
    mona.keyboard.press("a")
    assert wait_for(second, "in_review").decided_at is None
    mona.keyboard.press("Enter")
    expect(mona.get_by_text(f"Slot 4 of {board.name}: approved.")).to_be_visible()
    wait_for(second, "approved")


def test_keys_can_be_turned_off(visit: Visit, site: OwnSite, links: LinkServer) -> None:
    board = new_board(needs_moderator=True)
    submission = sent(somebody("alice"), board, links.page())
    mona = visit(moderator()).page
    mona.goto(f"/moderation/{submission.pk}/")
    mona.get_by_role("button", name="Keyboard shortcuts").click()
    mona.reload()

    mona.keyboard.press("a")

    expect(mona.get_by_role("button", name="Approve")).not_to_be_focused()
    expect(mona.get_by_role("button", name="Keyboard shortcuts")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_a_maker_asks_for_a_person_and_gets_one(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board(appeal_seconds=3600)
    maker, mona = visit(alice).page, visit(moderator()).page
    submission = sent(alice, board, links.missing(), name="Mapmaker")
    maker.goto(f"/submissions/{submission.pk}/")
    expect(maker.get_by_role("heading", level=2, name="Is the check wrong?")).to_be_visible()
    assert "ask a moderator" in wait_for_letter(site, alice.email)
    look_at(maker)

    maker.get_by_label("What should the moderator know?").fill("It works for me.")
    maker.get_by_role("button", name="Ask a moderator to look").click()

    expect(maker.get_by_role("heading", level=1)).to_have_text(WAITING)
    mona.goto("/moderation/")
    look_at(mona)
    mona.get_by_role("link", name="Mapmaker").last.click()
    expect(mona.get_by_text("It works for me.")).to_be_visible()
    mona.get_by_role("button", name="Approve").click()
    expect(maker.get_by_role("heading", level=1)).to_have_text("Mapmaker is published")
