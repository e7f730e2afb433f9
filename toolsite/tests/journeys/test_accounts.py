"""Accounts: signing up, signing in, a forgotten password, too many wrong ones."""

import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from toolsite.tests.journeys.client import Client
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.look import look_at
from toolsite.tests.journeys.mailbox import link_in, wait_for_letter
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import PASSWORD, new_board, numbers, somebody

OTHER_PASSWORD = "staple-9-of-the-horse"
PASSWORD_LABEL = re.compile("^(New )?Password$", re.IGNORECASE)
AGAIN_LABEL = re.compile(r"^(New )?Password \(again\)$", re.IGNORECASE)


@pytest.fixture(autouse=True)
def fresh_limits(site: OwnSite) -> Iterator[None]:
    """All tests come from one address: what one of them used up must not stop another."""
    cache.clear()
    yield
    cache.clear()


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def test_a_stranger_signs_up_confirms_the_address_and_is_taken_to_the_slot(
    visit: Visit, site: OwnSite
) -> None:
    email, board = f"ana-{next(numbers)}@example.com", new_board()
    page = visit().page
    headline = page.get_by_role("heading", level=1)
    page.goto("/")

    page.get_by_role("link", name="Reserve slot 3").click()
    expect(headline).to_have_text("Sign in")
    look_at(page)
    page.get_by_role("link", name="Create an account").click()
    look_at(page)
    page.get_by_label("Email").fill(email)
    page.get_by_label(PASSWORD_LABEL).fill(PASSWORD)
    page.get_by_label(AGAIN_LABEL).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(headline).to_have_text("Confirm your email address")
    look_at(page)

    page.goto(link_in(wait_for_letter(site, email)))
    look_at(page)
    page.get_by_role("button", name="Yes, confirm it").click()
    page.goto(f"/accounts/login/?next=/boards/{board.slug}/%23slot-3")
    sign_in(page, email, PASSWORD)

    expect(page).to_have_url(re.compile(f"/boards/{board.slug}/#slot-3$"))
    expect(page.get_by_role("button", name="Reserve slot 3")).to_be_visible()


def test_an_account_without_a_confirmed_address_cannot_be_used(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    alice.emailaddress_set.update(verified=False)  # type: ignore[attr-defined]
    page = visit().page
    page.goto("/accounts/login/")

    sign_in(page, alice.email, PASSWORD)

    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm your email address")
    assert "/accounts/confirm-email/" in wait_for_letter(site, alice.email)


def test_a_forgotten_password_is_replaced_by_a_letter(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    page = visit().page
    headline = page.get_by_role("heading", level=1)
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password").click()
    look_at(page)

    page.get_by_label("Email").fill(alice.email)
    page.get_by_role("button", name="Send the link").click()
    link = link_in(wait_for_letter(site, alice.email))
    look_at(page)
    page.goto(link)
    look_at(page)
    page.get_by_label(PASSWORD_LABEL).fill(OTHER_PASSWORD)
    page.get_by_label(AGAIN_LABEL).fill(OTHER_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    look_at(page)
    page.goto("/accounts/login/")
    sign_in(page, alice.email, PASSWORD)
    expect(page.get_by_role("alert")).to_be_visible()
    look_at(page)
    sign_in(page, alice.email, OTHER_PASSWORD)

    expect(page).to_have_url(f"{site.url}/")
    page.goto(link)
    expect(headline).to_have_text("This link no longer works")


def test_a_stranger_cannot_learn_who_has_an_account(visit: Visit, site: OwnSite) -> None:
    new_board()
    page = visit().page
    page.goto("/accounts/password/reset/")

    page.get_by_label("Email").fill(f"nobody-{next(numbers)}@example.com")
    page.get_by_role("button", name="Send the link").click()

    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).to_have_url(re.compile("/password/reset/done/$"))


def test_wrong_passwords_are_counted_and_stopped_in_words(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    page = visit().page
    page.goto("/accounts/login/")

    for _ in range(6):
        sign_in(page, alice.email, "wrong-password-1")
        page.wait_for_load_state()
    sign_in(page, alice.email, PASSWORD)

    expect(page.get_by_role("alert")).to_contain_text("Too many failed login attempts")


def test_who_has_no_password_at_hand_signs_in_by_a_mailed_code(visit: Visit, site: OwnSite) -> None:
    alice = somebody("alice")
    page = visit().page
    page.goto("/accounts/login/?next=/submissions/")

    page.get_by_role("link", name="Sign in by a mailed code").click()
    look_at(page)
    page.get_by_label("Email").fill(alice.email)
    page.get_by_role("button", name="Send the code").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter the code")
    look_at(page)
    [code] = re.findall("[A-Z]{4}-[A-Z]{4}", wait_for_letter(site, alice.email))
    page.get_by_label("Code").fill(code.lower())
    page.get_by_role("main").get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{site.url}/submissions/")


def test_somebody_signs_out_elsewhere(visit: Visit) -> None:
    alice = somebody("alice")
    here, elsewhere = visit(alice).page, visit(alice).page
    elsewhere.goto("/submissions/")
    here.goto("/submissions/")

    here.get_by_label("Your account").click()
    here.get_by_role("link", name="Where you are signed in").click()
    expect(here.get_by_text("Here", exact=True)).to_be_visible()
    look_at(here)
    here.get_by_role("button", name="Sign out elsewhere").click()

    expect(here.get_by_text("You are signed out everywhere else.")).to_be_visible()
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_address_is_added_with_the_password_typed_once_more(visit: Visit, site: OwnSite) -> None:
    alice, second = somebody("alice"), f"second-{next(numbers)}@example.com"
    page = visit(alice).page
    page.goto("/accounts/email/")

    page.get_by_label("Email", exact=True).fill(second)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    look_at(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_text(second).first).to_be_visible()
    assert "/accounts/confirm-email/" in wait_for_letter(site, second)


def test_too_many_attempts_from_one_address_get_a_page_that_says_so(
    visit: Visit, site: OwnSite
) -> None:
    new_board()
    guest = Client(site)
    # Without a password, so that nothing slow is computed; it counts all the same.
    wrong = {"login": "nobody@example.com"}
    answers = [guest.post("/accounts/login/", wrong).status for _ in range(31)]
    page = visit().page
    page.goto("/accounts/login/")

    sign_in(page, "nobody@example.com", "wrong-password-1")

    assert set(answers) <= {200, 429}
    assert answers[-1] == 429
    expect(page.get_by_role("heading", level=1)).to_have_text("Too many attempts")
    look_at(page)


def test_signing_out_forgets_who_it_was(visit: Visit, site: OwnSite) -> None:
    alice, board = somebody("alice"), new_board()
    page = visit(alice).page
    page.goto("/")

    page.get_by_label("Your account").click()
    look_at(page)
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    page.goto("/submissions/")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/submissions/$"))
    assert board.submissions.count() == 0
