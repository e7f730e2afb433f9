"""The whole journey in a browser that runs no scripts."""

import re

from playwright.sync_api import expect

from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.form import fill_details, send
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import (
    PASSWORD,
    new_board,
    numbers,
    reserved,
    somebody,
    wait_for,
)

SHORT_SECONDS = 3


def test_a_tool_is_published_without_javascript(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(javascript=False).page
    headline = page.get_by_role("heading", level=1)
    name, link = f"Fieldnotes {next(numbers)}", links.gated()

    page.goto("/")
    page.get_by_role("link", name="Reserve slot 3").click()
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(f"/boards/{board.slug}/#slot-3$"))
    page.get_by_role("button", name="Reserve slot 3").click()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^[12]:\d\d$"))
    fill_details(page, name="", link=link)
    send(page)
    expect(page.locator("#id_name_error")).to_have_text("Give the tool's name")
    expect(page.get_by_label("Website")).to_have_value(link)
    page.get_by_label("Tool name").fill(name)
    send(page)
    expect(headline).to_have_text("We are checking your link")
    expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "10")
    expect(page.locator("noscript p")).to_have_text("This page shows itself anew every 10 seconds.")
    links.open(link)
    wait_for(board.submissions.get(), "approved")
    page.reload()

    expect(headline).to_have_text(f"{name} is published")
    page.get_by_role("link", name="See the tool's page").click()
    expect(headline).to_have_text(name)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Tools").click()
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("ul.directory > li")).to_have_count(1)
    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()


def test_the_board_is_refreshed_by_hand_and_filtered(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice, javascript=False).page
    page.goto("/")
    reserved(somebody("bob"), board, slot=2)

    page.get_by_role("link", name="Refresh").click()

    expect(page.locator("#slot-2")).to_contain_text("Held by another maker")
    page.get_by_role("link", name=re.compile("^Reserved")).click()
    expect(page.locator("ul.board > li")).to_have_count(1)


def test_late_details_go_to_another_slot_without_javascript(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board(reservation_seconds=SHORT_SECONDS)
    submission = reserved(alice, board, slot=3)
    page = visit(alice, javascript=False).page
    page.goto(f"/submissions/{submission.pk}/")
    fill_details(page, name="Sundial")
    wait_for(submission, "cancelled")

    send(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("Your time on slot 3 is up")
    page.get_by_role("button", name="Take slot 1").click()
    expect(page.get_by_label("Tool name")).to_have_value("Sundial")
    assert board.submissions.get(status="pending").carried_from == submission


def test_a_slot_is_given_back_without_javascript(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board()
    submission = reserved(alice, board, slot=3)
    page = visit(alice, javascript=False).page
    page.goto(f"/submissions/{submission.pk}/")

    page.get_by_role("button", name="Give it back").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Give it back").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("This submission has ended")
    wait_for(submission, "cancelled")
