"""Links that drip one byte a second, sent by several makers, and how long others wait for their verdict
meanwhile; too long for the suite, so call it by its name:

python3 run.py test toolsite/tests/soak_slow_links.py -n 0 -s
"""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction

from bench.processes import family, memory_mb
from submissions.models import Board, Submission
from submissions.tests.builders import in_review, make_board, person
from toolsite.tests.live_site import LiveSite
from toolsite.tests.slow_links import SlowLinks, slow_links
from workflows.store.workers import living_workers

pytestmark = pytest.mark.django_db(transaction=True)
DRIPS, MAKERS, WORKERS = 30, 10, 2
SENT_AFTER_SECONDS = (0.5, 4, 8, 14, 22)
"""The good ones, behind the drips: while these are at their first try, and at later ones."""
PATIENCE_SECONDS = 60
MOST_LATER_SECONDS = 2.0
Tell = Callable[[str, object], None]


@pytest.fixture
def site() -> Iterator[LiveSite]:
    site = LiveSite(workers=WORKERS, variables={"TOOLSITE_LINK_CHECK_ALLOW": "127.0.0.0/8"})
    site.start_cluster()
    try:
        wait_until(lambda: living_workers() == WORKERS)
        yield site
    finally:
        site.close()


def test_slow_links_of_several_makers_hold_up_nobody_else(
    site: LiveSite, record_property: Tell
) -> None:
    board = make_board(slots=200)
    with slow_links(DRIPS) as links:
        alone = [seconds_to_verdict(good(links, board, number)) for number in range(3)]
        idle = memory_mb(family(site.clusters[0].pid))
        began = time.monotonic()
        send_drips(links, board)
        sent = []
        for number, after in enumerate(SENT_AFTER_SECONDS, start=3):
            time.sleep(max(0.0, began + after - time.monotonic()))
            sent.append(good(links, board, number))
        busy = memory_mb(family(site.clusters[0].pid))
        beside = [seconds_to_verdict(each) for each in sent]

    later = max(beside) - min(alone)
    told = f"alone {shown(alone)} s, beside {DRIPS} links of {MAKERS} makers {shown(beside)} s"
    told += f"; {idle:.0f} MB idle, {busy:.0f} MB busy"
    record_property("figure", told)
    print(f"\n{told}")  # noqa: T201
    assert later < MOST_LATER_SECONDS


def send_drips(links: SlowLinks, board: Board) -> None:
    with transaction.atomic():
        for number, link in enumerate(links.drips):
            in_review(person(f"slow{number % MAKERS}"), board, 1 + number, link=link)


def good(links: SlowLinks, board: Board, number: int) -> Submission:
    return in_review(person(f"good{number}"), board, 100 + number, link=f"{links.good}{number}")


def seconds_to_verdict(submission: Submission) -> float:
    checked = Submission.objects.filter(pk=submission.pk, link_checked_at__isnull=False)
    wait_until(checked.exists)
    found = checked.get()
    assert found.link_checked_at is not None
    assert found.details_at is not None
    return (found.link_checked_at - found.details_at).total_seconds()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.05)


def shown(seconds: list[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in seconds)
