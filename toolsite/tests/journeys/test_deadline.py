"""The window closes: the slot is free again, and nothing that was typed is lost."""

import re

from playwright.sync_api import expect

from submissions.models import Submission
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.form import fill_details, send
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.mailbox import wait_for_letter
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, reserved, somebody, wait_for

SHORT_SECONDS = 3
MOVABLE_CLOCK = """{
    const now = Date.now;
    let skipped = 0;
    Date.now = () => now() + skipped;
    // Let the countdown come to a moment shortly before so many seconds are left.
    window.skipTo = (seconds) => {
        const page = document.documentElement.dataset.now;
        const ends = document.querySelector("[role=timer]").dataset.ends;
        const passed = performance.now() - performance.getEntriesByType("navigation")[0].responseStart;
        skipped = Date.parse(ends) - Date.parse(page) - passed - 1000 * seconds - 500;
    };
}"""


def test_the_slot_of_somebody_who_walked_away_is_free_again_on_an_open_board(
    visit: Visit, site: OwnSite
) -> None:
    alice, bob = somebody("alice"), somebody("bob")
    board = new_board(reservation_seconds=SHORT_SECONDS)
    page = visit(bob).page
    page.goto("/")
    page.evaluate("window.isTheSamePage = true")
    slot = page.locator("#slot-3")
    submission = reserved(alice, board, slot=3)

    expect(slot).to_contain_text("Held by another maker")
    expect(slot.get_by_role("button", name="Reserve slot 3")).to_be_visible()

    assert page.evaluate("window.isTheSamePage")
    wait_for(submission, "cancelled")
    assert submission.reason_code == "expired"
    assert "no longer holds slot 3" in wait_for_letter(site, alice.email)


def test_details_that_come_late_are_kept_and_go_to_another_slot_in_one_click(
    visit: Visit, site: OwnSite
) -> None:
    alice, board = somebody("alice"), new_board(reservation_seconds=SHORT_SECONDS)
    page = visit(alice).page
    submission = reserved(alice, board, slot=3)
    page.goto(f"/submissions/{submission.pk}/")

    fill_details(page, name="Sundial", tagline="Cron with a memory")
    expect(page.get_by_text("Your time on slot 3 is up.", exact=True)).to_be_visible()
    with page.expect_response(re.compile("/details$")) as late:
        send(page)

    assert late.value.status == 409
    expect(page.get_by_role("heading", level=1)).to_have_text("Your time on slot 3 is up")
    for text in ["Sundial", "Data", "https://querylens.dev/", "Cron with a memory"]:
        expect(page.get_by_role("definition").get_by_text(text, exact=True)).to_be_visible()
    look_at(page)
    page.get_by_role("button", name="Take slot 1").click()
    expect(page.get_by_label("Tool name")).to_have_value("Sundial")
    expect(page.get_by_label("Tagline")).to_have_value("Cron with a memory")
    assert Submission.objects.filter(board=board, slot=1, carried_from=submission).exists()


def test_what_was_typed_and_never_sent_is_still_there_after_the_window(
    visit: Visit, site: OwnSite
) -> None:
    alice, board = somebody("alice"), new_board(reservation_seconds=SHORT_SECONDS)
    page = visit(alice).page
    submission = reserved(alice, board, slot=3)
    page.goto(f"/submissions/{submission.pk}/")
    page.get_by_label("Tool name").fill("Inkwell")
    wait_for(submission, "cancelled")

    page.goto(f"/submissions/{submission.pk}/")
    look_at(page)
    page.get_by_role("button", name="Slot 2").click()

    expect(page.get_by_label("Tool name")).to_have_value("Inkwell")


def test_the_last_minute_is_announced_at_60_30_and_10_seconds_and_at_the_end(
    visit: Visit, site: OwnSite
) -> None:
    alice, board = somebody("alice"), new_board(reservation_seconds=120)
    visitor = visit(alice)
    visitor.context.add_init_script(MOVABLE_CLOCK)
    page, announced = visitor.page, visitor.page.locator("#say")
    page.goto(f"/submissions/{reserved(alice, board, slot=3).pk}/")
    expect(announced).to_be_attached()
    expect(announced).to_have_text("")

    for left in [60, 30, 10]:
        page.evaluate("skipTo", left)
        expect(announced).to_have_text(f"{left} seconds left to send the details.")
    page.evaluate("skipTo", 0)

    expect(announced).to_contain_text("Your time on slot 3 is up.")
    expect(announced).to_have_attribute("aria-live", "polite")
    look_at(page)


def test_a_slot_can_be_given_back(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice).page
    submission = reserved(alice, board, slot=3)
    page.goto(f"/submissions/{submission.pk}/")

    page.get_by_role("button", name="Give it back").first.click()
    question = page.get_by_role("dialog")
    expect(question.get_by_role("heading")).to_have_text("Give slot 3 back?")
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    look_at(page)
    question.get_by_role("button", name="Give it back").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("This submission has ended")
    expect(page.locator("#status")).to_contain_text("You gave the slot back.")
    look_at(page)
    wait_for(submission, "cancelled")
    page.goto(f"/boards/{board.slug}/")
    expect(page.get_by_role("button", name="Reserve slot 3")).to_be_visible()
