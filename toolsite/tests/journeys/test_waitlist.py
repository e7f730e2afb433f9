"""Waiting for a slot in a browser: join, watch the line, be led to the slot; and times at home."""

import re

from playwright.sync_api import expect

from submissions.services.waitlist import join
from submissions.services.withdraw import withdraw
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.mailbox import wait_for_letter
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, reserved, sent, somebody, wait_for


def test_somebody_waits_and_is_led_to_the_slot(visit: Visit, site: OwnSite) -> None:
    alice, bob, charlie = somebody("alice"), somebody("bob"), somebody("charlie")
    board = new_board(slots=1)
    held = reserved(alice, board, 1)
    join(maker=charlie, board_slug=board.slug)
    page = visit(bob).page

    page.goto(f"/boards/{board.slug}/")
    look_at(page)
    page.get_by_role("button", name="Join the waitlist").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are number 2 in line")
    look_at(page)
    charlies = visit(charlie)
    charlies.page.goto(f"/boards/{board.slug}/waitlist/")
    charlies.page.get_by_role("button", name="Leave the waitlist").click()
    expect(charlies.page.get_by_text("You have left the waitlist.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are number 1 in line")
    withdraw(maker=alice, submission_id=held.pk)

    expect(page.get_by_role("heading", level=1)).to_have_text("Tell us about your tool")
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^(10:00|9:\d\d)$"))
    expect(page.get_by_text("you were the first on the waitlist")).to_be_visible()
    look_at(page)
    assert "reserved for you until" in wait_for_letter(site, bob.email)


def test_what_is_left_of_the_limits_is_accessible(visit: Visit) -> None:
    alice = somebody("alice")
    for _ in range(20):
        board = new_board()
        reserved(alice, board)
    another = new_board()
    page = visit(alice).page

    page.goto(f"/boards/{another.slug}/")
    expect(page.get_by_text("You have reserved 20 slots within an hour.")).to_be_visible()
    look_at(page)
    page.locator("#reserve-1").click()
    expect(page.get_by_text("20 reservations within an hour is the limit")).to_be_visible()
    look_at(page)


def test_times_are_told_in_the_visitors_own_zone_beside_utc(
    visit: Visit, links: LinkServer
) -> None:
    alice = somebody("alice")
    link = links.gated()
    submission = wait_for(sent(alice, new_board(), link), "in_review")
    links.open(link)
    page = visit(alice, time_zone="Asia/Kathmandu").page

    page.goto(f"/submissions/{submission.pk}/")
    expect(page.locator("#status")).to_contain_text("is published")
    for moment in page.locator("time[data-local]").all():
        expect(moment).to_have_text(
            re.compile(r"^\d+ \w+, [\d:]{5,8} UTC \((\d+ \w+, )?[\d:]{5,8} your time\)$")
        )
    expect(page.locator(".facts")).to_contain_text(link)
    look_at(page)

    abroad = visit(alice).page
    abroad.goto(f"/submissions/{submission.pk}/")
    expect(abroad.locator("time[data-local]").first).not_to_contain_text("your time")
