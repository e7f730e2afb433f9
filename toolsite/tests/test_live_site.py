"""The harness itself: a whole site starts, is ready, survives its parts, and is gone afterwards."""

import signal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from toolsite.tests.live_site import LiveSite


@pytest.mark.crash
def test_a_site_without_a_cluster_is_not_ready_and_with_a_new_one_it_is(site: LiveSite) -> None:
    site.stop_cluster(signal.SIGKILL)
    site.wait_for_status("/readyz", 503)

    site.start_cluster()

    site.wait_until_ready()
    assert site.status("/healthz") == 200


def test_a_real_browser_meets_the_site_and_its_styles(site: LiveSite, page: Page) -> None:
    answer = page.goto(f"{site.url}/accounts/login/")

    assert answer is not None
    assert answer.status == 200
    sheets = page.evaluate("Array.from(document.styleSheets).map(sheet => sheet.cssRules.length)")
    assert sheets
    assert all(sheets)


def test_a_cookie_signs_somebody_in(site: LiveSite, page: Page) -> None:
    alice = User.objects.create_user("alice", "alice@example.com")

    page.context.add_cookies(
        [{"name": "sessionid", "value": site.session_cookie(alice), "url": site.url}]
    )

    answer = page.goto(f"{site.url}/submissions/")
    assert answer is not None
    assert (answer.status, page.url) == (200, f"{site.url}/submissions/")


@pytest.mark.crash
def test_the_web_server_comes_back_on_its_port(site: LiveSite) -> None:
    site.stop_web(signal.SIGKILL)
    assert site.status("/healthz") == 0

    site.start_web()

    site.wait_until_ready()
