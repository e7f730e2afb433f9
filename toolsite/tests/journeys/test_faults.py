"""Processes die and connections break under a submission: it ends once, with the right verdict."""

import os
import signal
from collections.abc import Iterator

import pytest
from django.db import connection
from django.urls import reverse
from playwright.sync_api import expect

from submissions.models import Submission
from toolsite.tests.journeys.client import Client
from toolsite.tests.journeys.conftest import Visit
from toolsite.tests.journeys.form import fill_details, send
from toolsite.tests.journeys.link_server import LinkServer
from toolsite.tests.journeys.mailbox import letters_to
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, reserved, sent, somebody, wait_for
from toolsite.tests.journeys.waiting import wait_until
from workflows.api import HistoryKind, get_history, get_run
from workflows.models import Run, Worker

pytestmark = pytest.mark.crash

SHORT_SECONDS = 2


@pytest.fixture(autouse=True)
def mended(site: OwnSite) -> Iterator[None]:
    """Leave a whole site behind."""
    yield
    site.mend()


def driver_of(submission: Submission) -> int:
    """Return the process that drives the submission's run now."""
    worker_id = Run.objects.values("worker_id").get(key=f"submission-{submission.pk}")["worker_id"]
    return Worker.objects.get(pk=worker_id or 0).pid


def assert_ended_once(site: OwnSite, submission: Submission, status: str) -> None:
    """One end, in the row, in the run's history and in the letters."""
    run_id = submission.run_id
    assert run_id is not None
    wait_for(submission, status, seconds=30)
    wait_until(lambda: get_run(run_id).is_over, "the run's end")
    kinds = [entry.kind for entry in get_history(run_id)]
    assert kinds.count(HistoryKind.RUN_COMPLETED) == 1
    assert get_run(run_id).output == status
    assert len(letters_to(site, submission.maker.email)) == 1


def test_a_worker_killed_in_a_link_check(site: OwnSite, links: LinkServer) -> None:
    alice, board, link = somebody("alice"), new_board(), links.gated()
    submission = sent(alice, board, link)
    links.wait_until_asked(link)

    os.kill(driver_of(submission), signal.SIGKILL)
    links.wait_until_asked(link, times=2)
    links.open(link)

    assert_ended_once(site, submission, "approved")


def test_the_whole_cluster_killed_in_a_link_check_and_started_again(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board, link = somebody("alice"), new_board(), links.gated()
    submission = reserved(alice, board)
    page = visit(alice).page
    page.goto(f"/submissions/{submission.pk}/")
    fill_details(page, name="Sundial", link=link)
    send(page)
    links.wait_until_asked(link)

    site.stop_cluster(signal.SIGKILL)
    site.wait_for_status("/readyz", 503)
    expect(page.get_by_role("heading", level=1)).to_have_text("We are checking your link")
    site.start_cluster()
    links.wait_until_asked(link, times=2)
    links.open(link)

    expect(page.get_by_role("heading", level=1)).to_have_text("Sundial is published")
    assert_ended_once(site, submission, "approved")


def test_details_sent_while_no_cluster_is_alive_are_judged_when_one_returns(
    site: OwnSite, links: LinkServer
) -> None:
    site.stop_cluster(signal.SIGKILL)

    submission = sent(somebody("alice"), new_board(), links.missing())
    site.start_cluster()

    assert_ended_once(site, submission, "rejected")


def test_the_web_server_restarts_under_open_pages(
    visit: Visit, site: OwnSite, links: LinkServer
) -> None:
    alice, board, link = somebody("alice"), new_board(), links.gated()
    submission = sent(alice, board, link)
    maker, guest = visit(alice), visit()
    maker.may_lose_connection = guest.may_lose_connection = True
    maker.page.goto(f"/submissions/{submission.pk}/")
    guest.page.goto(f"/boards/{board.slug}/")
    mark = guest.page.locator("[data-live]")
    expect(mark).to_have_text("Live")

    site.stop_web(signal.SIGKILL)
    expect(mark).to_have_text("Connection lost, trying again")
    links.open(link)
    wait_for(submission, "approved")
    site.start_web()

    expect(mark).to_have_text("Live")
    expect(guest.page.locator("#slot-3")).to_contain_text("Approved")
    expect(maker.page.get_by_role("heading", level=1)).to_have_text("QueryLens is published")


def test_connections_cut_by_postgresql_again_and_again(site: OwnSite, links: LinkServer) -> None:
    alice, board, link = somebody("alice"), new_board(), links.gated()
    submission = sent(alice, board, link, slot=3)
    guest, bob = Client(site), Client(site, somebody("bob"))
    links.wait_until_asked(link)

    met = set()
    for slot in [1, 2, 4, 5]:
        cut_connections()
        met.add(guest.get("/").status)
        cut_connections()
        met.add(bob.post(reverse("submissions:reserve", args=[board.slug, slot])).status)
    links.open(link)

    assert met <= {200, 303, 409, 503}
    assert_ended_once(site, submission, "approved")
    assert guest.get("/").status == 200
    assert board.submissions.filter(maker=bob.user).count() <= 1
    for entry in board.submissions.filter(maker=bob.user):
        assert entry.run_id is not None
        assert get_run(entry.run_id).key == f"submission-{entry.pk}"


def cut_connections() -> None:
    """Let PostgreSQL hang up on everybody but this test."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_somebody_walks_away_while_no_cluster_is_alive(visit: Visit, site: OwnSite) -> None:
    board = new_board(reservation_seconds=SHORT_SECONDS)
    site.stop_cluster(signal.SIGKILL)
    submission = reserved(somebody("alice"), board, slot=3)
    page = visit(somebody("bob")).page

    page.goto(f"/boards/{board.slug}/")
    expect(page.get_by_role("button", name="Reserve slot 3")).to_be_visible()
    submission.refresh_from_db()
    assert submission.status == "pending"
    site.start_cluster()

    assert_ended_once(site, submission, "cancelled")


def test_a_slot_past_its_window_can_be_taken_while_no_cluster_is_alive(
    visit: Visit, site: OwnSite
) -> None:
    alice, board = somebody("alice"), new_board(reservation_seconds=SHORT_SECONDS)
    site.stop_cluster(signal.SIGKILL)
    submission = reserved(alice, board, slot=3)
    page = visit(somebody("bob")).page
    page.goto(f"/boards/{board.slug}/")

    page.get_by_role("button", name="Reserve slot 3").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Tell us about your tool")
    site.start_cluster()
    assert_ended_once(site, submission, "cancelled")
