"""The main job: reserve a slot, send a tool, see it checked, approved and found."""

import re

from playwright.sync_api import Page, expect

from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.mailbox import wait_for_letter
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, numbers, somebody


def fill(page: Page, **fields: str) -> None:
    """Fill in the details; a field not named gets something sound."""
    sound = {"Tool name": "QueryLens", "Website": "", "Tagline": "Explains slow SQL"}
    for label, text in (sound | fields).items():
        page.get_by_label(label).fill(text)
    page.get_by_label("Category").select_option("Data")


def test_a_tool_goes_from_a_free_slot_to_the_directory(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, _ = somebody("alice"), new_board()
    page = visit(alice).page
    name, link = f"QueryLens {next(numbers)}", links.gated()

    page.goto("/")
    look_at(page)
    page.get_by_role("button", name="Reserve slot 3").click()
    clock = page.get_by_role("timer")
    expect(clock).to_have_text(re.compile(r"1:5\d"))
    look_at(page)
    first_reading = clock.inner_text()
    expect(clock).not_to_have_text(first_reading)
    fill(page, **{"Tool name": name, "Website": link})
    page.get_by_role("button", name="Send for review").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("We are checking your link")
    running = page.locator("li[aria-current=step]")
    expect(running).to_contain_text("We open 127.0.0.1 to see that a page answers.")
    look_at(page)
    links.open(link)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} is published")
    expect(page).to_have_title(f"{name} is published · Toolsite")
    look_at(page)
    assert "/tools/querylens-" in wait_for_letter(site, alice.email)

    page.get_by_role("link", name="See the tool's page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("link", name="127.0.0.1")).to_have_attribute("href", link)
    expect(page.get_by_role("link", name="127.0.0.1")).to_have_attribute(
        "rel", "nofollow ugc noopener"
    )
    look_at(page)
    page.get_by_role("link", name="All tools").click()
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("ul.directory > li")).to_have_count(1)
    expect(page.locator("ul.directory")).to_contain_text(name)
