"""The test harness, shared by all apps: a live site, a browser, and honesty about skipped tests."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

from ops.browser import NONE_TO_BE_HAD, find
from toolsite.tests.live_site import LiveSite
from toolsite.tests.template_database import django_db_setup, migrated_template
from workflows.tests.cluster.pooler_program import MISSING as NO_POOLER

__all__ = ["django_db_setup", "migrated_template"]

pytest_plugins = ["workflows.testing.plugin", "toolsite.tests.collecting"]
MARKS_BY_FIXTURE = {"page": "browser", "chromium": "browser", "start_site": "cluster"}
CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
VIEWPORT = ViewportSize(width=1280, height=900)

# A slow machine is no failure: speed is measured by the bench, never by a test.
hypothesis_settings.register_profile("toolsite", deadline=None)
hypothesis_settings.register_profile("soak", deadline=None, max_examples=3000)
hypothesis_settings.load_profile("toolsite")

StartSite = Callable[..., LiveSite]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the fixtures they use, so that nobody has to remember it."""
    for item in items:
        for fixture in getattr(item, "fixturenames", []):
            if fixture in MARKS_BY_FIXTURE:
                item.add_marker(MARKS_BY_FIXTURE[fixture])


@pytest.fixture
def start_site(transactional_db: None) -> Iterator[StartSite]:
    """Return a function that starts a site: start_site(workers=2, variables={"TOOLSITE_…": "…"})."""
    cache.clear()  # rate limits of the test before
    started: list[LiveSite] = []

    def start(**options: Any) -> LiveSite:
        site = LiveSite(**options)
        started.append(site)
        site.start()
        return site

    yield start
    for site in started:
        site.close()


@pytest.fixture
def site(start_site: StartSite) -> LiveSite:
    """Return a running site: a web server and one cluster of two workers on the test database."""
    return start_site()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a real browser; skip the test where none can be had. It ends with its module: while it
    is there, a loop runs in this thread, in which other modules' tests would find another connection."""
    program = find()
    if program is None:
        pytest.skip(NONE_TO_BE_HAD)
    # Playwright's loop runs in this thread, which makes Django think that the test is async.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    flags = [*CHROMIUM_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Return an empty page of a fresh profile; broken scripts and refused content fail the test."""
    context = chromium.new_context(viewport=VIEWPORT)
    context.set_default_timeout(15_000)
    page = context.new_page()
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            faults.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == [], "the page's own errors"


def count_skipped(config: pytest.Config, reason: str) -> int:
    """Return how many tests were skipped for this reason."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    return sum(reason in str(report.longrepr) for report in skipped)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail in CI where browser tests were skipped."""
    missing = count_skipped(session.config, NONE_TO_BE_HAD)
    if missing and exitstatus == 0 and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say last and loudly that tests were skipped for want of a program."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    unpooled = count_skipped(config, NO_POOLER)
    if unpooled and reporter:
        reporter.section("TESTS BEHIND A POOLER WERE SKIPPED", sep="!", red=True, bold=True)
        reporter.line(f"{unpooled} tests did not run. {NO_POOLER}")
    missing = count_skipped(config, NONE_TO_BE_HAD)
    if missing and reporter:
        reporter.section("BROWSER TESTS WERE SKIPPED", sep="!", red=True, bold=True)
        reporter.line(f"{missing} tests did not run. {NONE_TO_BE_HAD}")
        if os.environ.get("CI") == "true":
            reporter.line("CI=true: that counts as a failure.")
