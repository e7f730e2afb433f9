"""A PostgreSQL that hangs: pages give up, /healthz and style sheets do not notice, a thaw heals.

Over real HTTP, with a server of the test's own whose processes are stopped by a signal.
"""

import http.client
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from ops.site import HOST
from submissions.models import Board
from toolsite.tests.freezer import frozen
from toolsite.tests.live_site import LiveSite
from workflows.tests.cluster.postgres import Postgres

pytestmark = pytest.mark.cluster

PAGES = [
    "/",
    "/boards/launch/",
    "/tools/",
    "/submissions/",
    "/",
    "/tools/",
    "/accounts/email/",
    "/",
]
STYLE_SHEET = "/static/css/base.css"


@dataclass(frozen=True)
class Visit:
    status: int
    seconds: float
    headers: dict[str, str]
    text: str


@dataclass
class Frozen:
    """A site whose database only this test uses."""

    site: LiveSite
    postgres: Postgres
    cookie: str = ""

    def freeze(self) -> int:
        process = self.postgres.process
        assert process is not None
        return process.pid

    def visit(self, path: str) -> Visit:
        """Ask for a page as somebody who is signed in."""
        began = time.monotonic()
        asked = http.client.HTTPConnection(HOST, self.site.port, timeout=60)
        asked.request("GET", path, headers={"Cookie": f"sessionid={self.cookie}"})
        answer = asked.getresponse()
        text = answer.read().decode()
        asked.close()
        said = {name.lower(): value for name, value in answer.getheaders()}
        return Visit(answer.status, time.monotonic() - began, said, text)

    def visit_all(self) -> list[Visit]:
        with ThreadPoolExecutor(len(PAGES)) as people:
            return list(people.map(self.visit, PAGES))


@pytest.fixture(scope="module")
def own(django_db_blocker: DjangoDbBlocker) -> Iterator[Frozen]:
    postgres = Postgres()
    postgres.start()
    url = postgres.make_database("frozen")
    with django_db_blocker.unblock(), postgres.used("frozen"):
        call_command("migrate", verbosity=0)
        call_command("createcachetable")
        Board.objects.create(slug="launch", name="Launch")
        site = LiveSite(variables={"DATABASE_URL": url})
        own = Frozen(site, postgres, site.session_cookie(User.objects.create_user("alice")))
        try:
            site.start_web()
            yield own
        finally:
            site.close()
    postgres.close()


def test_pages_give_up_and_what_needs_no_database_is_there(own: Frozen) -> None:
    assert {visit.status for visit in own.visit_all()} == {200}

    with frozen(own.freeze()), ThreadPoolExecutor(1) as background:
        pages = background.submit(own.visit_all)
        time.sleep(0.1)
        at_once = [own.visit(path) for path in ("/healthz", STYLE_SHEET)]
        given_up = pages.result()
        later = own.visit("/")
        told = own.visit("/healthz")
        ready = own.visit("/readyz")

    assert [visit.status for visit in given_up] == [503] * len(PAGES)
    assert max(visit.seconds for visit in given_up) < 6
    assert {visit.headers["retry-after"] for visit in given_up} == {"5"}
    assert [visit.status for visit in at_once] == [200, 200]
    assert max(visit.seconds for visit in at_once) < 1
    assert (later.status, later.seconds < 1) == (503, True)
    assert (told.status, "does not answer since" in told.text) == (200, True)
    assert (ready.status, "the database does not answer" in ready.text) == (503, True)


def test_after_the_thaw_everything_is_there_and_the_log_has_said_it(own: Frozen) -> None:
    with frozen(own.freeze()):
        own.visit_all()

    own.site.wait_for_status("/", 200)

    assert {visit.status for visit in own.visit_all()} == {200}
    assert own.visit("/healthz").text == '{"status": "ok"}'
    logs = own.site.logs()
    assert "the database is silent, also on a new connection" in logs
    assert "the database answers again, after" in logs
    assert "Traceback" not in logs


def test_a_site_that_has_no_connection_yet_gives_up_too(own: Frozen) -> None:
    own.site.restart_web()

    with frozen(own.freeze()):
        given_up = own.visit_all()

    assert [visit.status for visit in given_up] == [503] * len(PAGES)
    assert max(visit.seconds for visit in given_up) < 6
    own.site.wait_for_status("/", 200)


def test_a_wait_for_a_lock_ends_as_well_and_troubles_nobody_else(
    own: Frozen, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE submissions_board IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as background:
            page = background.submit(own.visit, "/")
            time.sleep(1)
            other = own.visit("/accounts/password/change/")
            waited = page.result()

    assert (other.status, other.seconds < 1) == (302, True)
    assert (waited.status, 4.5 < waited.seconds < 6.5) == (503, True)
    assert "a request has 5 s for all of its statements" in own.site.logs()
    assert own.visit("/").status == 200
