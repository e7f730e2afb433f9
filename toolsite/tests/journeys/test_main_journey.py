"""The main job: reserve a slot, send a tool, see it checked, and find it, or learn why not."""

import re

from playwright.sync_api import expect

from submissions.models import Submission
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.form import fill_details, send
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.mailbox import wait_for_letter
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, numbers, reserved, sent, somebody


def test_a_tool_goes_from_a_free_slot_to_the_directory(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, _ = somebody("alice"), new_board()
    page = visit(alice).page
    headline = page.get_by_role("heading", level=1)
    name, link = f"QueryLens {next(numbers)}", links.gated()

    page.goto("/")
    page.get_by_role("button", name="Reserve slot 3").click()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"1:5\d"))
    fill_details(page, name=name, link=link)
    send(page)

    expect(headline).to_have_text("We are checking your link")
    expect(page.locator("li[aria-current=step]")).to_contain_text(
        "We open 127.0.0.1 to see that a page answers."
    )
    look_at(page)
    links.open(link)
    expect(headline).to_have_text(f"{name} is published")
    expect(page).to_have_title(f"{name} is published · Toolsite")
    expect(page.get_by_role("status").last).to_have_text(f"{name} is published")
    look_at(page)
    assert "/tools/querylens-" in wait_for_letter(site, alice.email)

    page.get_by_role("link", name="See the tool's page").click()
    expect(headline).to_have_text(name)
    website = page.get_by_role("link", name="127.0.0.1")
    expect(website).to_have_attribute("href", link)
    expect(website).to_have_attribute("rel", "nofollow ugc noopener")
    page.get_by_role("link", name="All tools").click()
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("ul.directory > li")).to_have_count(1)
    expect(page.locator("ul.directory")).to_contain_text(name)


def test_the_countdown_runs_and_follows_to_every_page(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice).page
    clock = page.get_by_role("timer")
    reserved(alice, board, slot=3)

    page.goto("/tools/")

    expect(clock).to_have_text(re.compile(r"^[12]:\d\d$"))
    seen = clock.inner_text()
    expect(clock).not_to_have_text(seen)
    bar = page.get_by_role("region", name="Your reservation")
    expect(bar).to_contain_text("Slot 3 is yours.")
    look_at(page)
    bar.get_by_role("link", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tell us about your tool")


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(
    visit: Visit, site: OwnSite
) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice).page
    submission = reserved(alice, board)
    page.goto(f"/submissions/{submission.pk}/")
    link = page.get_by_label("Website")

    fill_details(page, name="", link="javascript:alert(1)")
    send(page)

    expect(page).to_have_title("Error: Tell us about your tool · Toolsite")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("2 things need fixing")
    expect(page.get_by_label("Tool name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_name_error")).to_have_text("Give the tool's name")
    expect(page.locator("#id_link_error")).to_contain_text("the link must begin with https://")
    expect(link).to_have_value("javascript:alert(1)")
    expect(page.get_by_label("Tagline")).to_have_value("Explains slow SQL in plain words")
    expect(page.get_by_label("Category")).to_have_value("data")
    expect(page.locator("#id_tagline_error")).to_have_count(0)
    look_at(page)
    summary.get_by_role("link", name=re.compile("Website")).click()
    expect(link).to_be_focused()


def test_the_link_of_another_tool_on_the_board_is_refused_at_the_form(
    visit: Visit, links: LinkServer
) -> None:
    alice, bob, board = somebody("alice"), somebody("bob"), new_board()
    link = links.gated()
    sent(bob, board, link, slot=1)
    page = visit(alice).page
    page.goto(f"/submissions/{reserved(alice, board, slot=2).pk}/")

    fill_details(page, link=f"{link.upper().replace('GATED', 'gated')}/#here")
    send(page)

    expect(page.locator("#id_link_error")).to_contain_text("already on this board")
    links.open(link)


def test_a_link_that_is_not_there_is_explained_and_the_details_go_to_another_slot(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice).page
    headline = page.get_by_role("heading", level=1)
    submission = reserved(alice, board, slot=3)
    link = links.missing()
    page.goto(f"/submissions/{submission.pk}/")

    fill_details(page, name="Ledgerly", link=link)
    send(page)

    expect(headline).to_have_text("Your link needs another look")
    expect(page.locator("#status")).to_contain_text("there is no such page; check the link.")
    expect(page.locator("#status")).to_contain_text("Slot 3 is free again.")
    look_at(page)
    assert "there is no such page" in wait_for_letter(site, alice.email)
    page.get_by_role("button", name="Correct it and take slot 1").click()
    expect(headline).to_have_text("Tell us about your tool")
    expect(page.get_by_label("Tool name")).to_have_value("Ledgerly")
    expect(page.get_by_label("Website")).to_have_value(link)
    again = Submission.objects.get(board=board, status="pending")
    assert (again.slot, again.carried_from) == (1, submission)
