"""What journeys share: one site, one link server, and visitors whose complaints count."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect
from pytest_django.plugin import DjangoDbBlocker

from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.visitor import Visitor

HERE = "toolsite/tests/journeys/"

expect.set_options(timeout=10_000)

Visit = Callable[..., Visitor]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every journey needs a cluster; those with a visitor need a browser too."""
    for item in items:
        if HERE in item.path.as_posix():
            item.add_marker("cluster")
            if "visit" in getattr(item, "fixturenames", []):
                item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the site has logged beside what failed."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if report.failed and site is not None:
        report.sections.append(("the site's logs", site.logs()))
    return report


@pytest.fixture(scope="session")
def shared_site(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnSite]:
    """One site for all journeys of this process; it is up while other tests run."""
    with django_db_blocker.unblock():
        site = OwnSite("journeys")
    try:
        site.start()
        yield site
    finally:
        with django_db_blocker.unblock():
            site.close()


@pytest.fixture
def site(shared_site: OwnSite, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnSite]:
    """Return the site; the test's own code works on the same database."""
    with django_db_blocker.unblock(), shared_site.database():
        yield shared_site


@pytest.fixture(scope="session")
def links() -> Iterator[LinkServer]:
    """Return the web site of the tools that people send."""
    with LinkServer() as server:
        yield server


@pytest.fixture
def visit(site: OwnSite, chromium: Browser) -> Iterator[Visit]:
    """Return a function that gives somebody a browser: visit(alice).page.goto("/")."""
    visitors: list[Visitor] = []

    def arrive(user: User | None = None, **options: Any) -> Visitor:
        visitors.append(Visitor(chromium, site, user, **options))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        visitor.close()
