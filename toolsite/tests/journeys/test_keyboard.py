"""Without a mouse: where Tab leads, what it shows, and that a live page leaves it alone."""

import re

from playwright.sync_api import Page, expect

from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, reserved, somebody

HAS_VISIBLE_FOCUS = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
}"""
WORDS = "document.activeElement.innerText || document.activeElement.getAttribute('aria-label')"


def press_tab(page: Page) -> str:
    """Go one further; return what is focused now, whose focus can be seen."""
    page.keyboard.press("Tab")
    assert page.evaluate(HAS_VISIBLE_FOCUS), page.evaluate("document.activeElement.outerHTML")
    return " ".join(str(page.evaluate(WORDS)).split())


def test_a_slot_is_reserved_with_the_keyboard_alone(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board(slots=3)
    page = visit(alice).page
    page.goto(f"/boards/{board.slug}/")

    met = [press_tab(page) for _ in range(14)]

    assert met[0] == "Skip to content"
    assert met[1:7] == [
        "Toolsite",
        "Slots",
        "Tools",
        "My submissions",
        "Switch between light and dark",
        "Your account",
    ]
    assert [words.split()[0] for words in met[7:12]] == [
        "All",
        "Free",
        "Reserved",
        "In",
        "Approved",
    ]
    assert met[12:14] == ["Reserve slot 1", "Reserve slot 2"]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tell us about your tool")
    assert board.submissions.get().slot == 2


def test_the_skip_link_is_seen_and_leads_past_the_top(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    page = visit(alice).page
    page.goto(f"/submissions/{reserved(alice, new_board()).pk}/")
    skip = page.get_by_role("link", name="Skip to content")

    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Tool name")).to_be_focused()


def test_the_form_is_filled_in_and_sent_with_the_keyboard(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    page = visit(alice).page
    page.goto(f"/submissions/{reserved(alice, new_board()).pk}/")
    page.get_by_label("Tool name").focus()

    for typed in ["Hopscotch", "Design", "no address", "Feature flags", ""]:
        page.keyboard.type(typed)
        press_tab(page)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Tool name")).to_have_value("Hopscotch")
    expect(page.get_by_label("Category")).to_have_value("design")
    expect(page.locator("#id_link_error")).to_be_visible()


def test_news_on_the_board_leave_the_focus_where_it_is(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice).page
    page.goto(f"/boards/{board.slug}/")
    button = page.get_by_role("button", name="Reserve slot 5")
    button.focus()

    reserved(somebody("bob"), board, slot=4)

    expect(page.locator("#slot-4")).to_contain_text("Held by another maker")
    expect(button).to_be_focused()


def test_escape_closes_the_account_menu_and_returns_to_it(visit: Visit, site: OwnSite) -> None:
    new_board()
    page = visit(somebody("alice")).page
    page.goto("/")
    menu = page.get_by_label("Your account")
    menu.focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert press_tab(page) == "Email addresses"
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_the_chosen_theme_stays_and_arrives_with_the_page(visit: Visit, site: OwnSite) -> None:
    new_board()
    page = visit().page
    page.goto("/")
    root = page.locator("html")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.get_by_role("button", name="Switch between light and dark").click()

    expect(root).to_have_attribute("data-theme", "dark")
    for path in ["/", "/tools/", "/accounts/login/"]:
        answer = page.goto(path)
        assert answer is not None
        # In the page itself: a script that sets it would let the page flash.
        assert re.search(r'<html[^>]* data-theme="dark"', answer.text())
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    expect(root).to_have_attribute("data-theme", "light")
