"""The web server as it is started: rude visitors cost no page, and a stop loses no answer."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from submissions.tests.builders import make_board
from toolsite.tests.live_site import LiveSite
from toolsite.tests.raw_http import (
    ask,
    connected,
    form_post,
    read_to_the_end,
    status_of,
)

pytestmark = pytest.mark.cluster
THREADS = 2
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def started(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveSite]:
    """Return a web server of one process and two threads, without a cluster, for all these tests."""
    with django_db_blocker.unblock():
        site = LiveSite(variables={"TOOLSITE_WEB_THREADS": str(THREADS), "TOOLSITE_PROXIES": "1"})
        board = make_board()
        try:
            site.start_web()
            yield site
        finally:
            site.close()
            board.delete()
            connection.close()


@pytest.fixture
def web(started: LiveSite) -> LiveSite:
    """Return the web server, started again where a test has ended it."""
    assert started.web is not None
    if started.web.poll() is not None:
        started.restart_web()
    return started


def test_bodies_that_never_end_keep_no_page_waiting(web: LiveSite) -> None:
    with ExitStack() as stack:
        for _ in range(5 * THREADS):
            slow = stack.enter_context(connected(web.port))
            slow.sendall(form_post("/accounts/login/", declared_bytes=100) + b"half")

        statuses = [web.status(path) for path in ["/", "/accounts/login/", "/healthz"]]

    assert statuses == [200, 200, 200]


def test_a_body_beyond_the_limit_is_refused_before_it_is_sent(web: LiveSite) -> None:
    answer = ask(web.port, form_post("/accounts/login/", declared_bytes=2_000_000_000))

    assert status_of(answer) == 413


def test_headers_beyond_the_limit_are_refused(web: LiveSite) -> None:
    answer = ask(web.port, GET + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n")

    assert status_of(answer) == 431


def test_a_client_that_asks_whether_to_go_on_is_told_so(web: LiveSite) -> None:
    head = form_post(
        "/accounts/login/",
        declared_bytes=3,
        extra="Expect: 100-continue\r\nConnection: close\r\n",
    )
    with connected(web.port) as wire:
        wire.sendall(head)
        first = wire.recv(1000)
        wire.sendall(b"a=b")
        rest = read_to_the_end(wire)

    assert first.startswith(b"HTTP/1.1 100 ")
    assert status_of(rest) == 403  # the form's own token is missing


def test_a_connection_is_kept_for_the_next_request(web: LiveSite) -> None:
    answer = ask(web.port, GET + b"\r\n", GET + b"Connection: close\r\n\r\n")

    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_head_has_the_headers_and_no_body(web: LiveSite) -> None:
    answer = ask(
        web.port, b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )

    head, _, body = answer.partition(b"\r\n\r\n")
    assert (status_of(answer), body) == (200, b"")
    assert b"content-length: 16" in head


def test_a_style_sheet_is_served_whole(web: LiveSite) -> None:
    assert web.get("/static/css/base.css") == (
        200,
        Path("static/css/base.css").read_text(),
    )


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: +4\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: chunked\r\n Connection: close\r\n",
    ],
)
def test_a_body_of_unclear_length_is_refused_with_all_that_follows(
    web: LiveSite, framing: bytes
) -> None:
    smuggled = GET + b"\r\n"

    answer = ask(web.port, b"POST / HTTP/1.1\r\nHost: localhost\r\n" + framing + b"\r\n" + smuggled)

    assert (status_of(answer), answer.count(b"HTTP/1.1 ")) == (400, 1)


def test_what_follows_a_body_with_two_lengths_is_no_request(web: LiveSite) -> None:
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"

    answer = ask(web.port, b"POST / HTTP/1.1\r\nHost: localhost\r\n" + both + GET + b"\r\n")

    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("chunks", [b"ZZ\r\nabc\r\n0\r\n\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n"])
def test_a_broken_chunk_is_a_400_in_our_words(web: LiveSite, chunks: bytes) -> None:
    head = (
        b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    )

    answer = ask(web.port, head + chunks)

    assert status_of(answer) == 400
    assert b"chunks cannot be read" in answer


def test_chunks_arrive_as_one_body(web: LiveSite) -> None:
    chunks = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\na=b\r\n0\r\n\r\n"
    token = b"Cookie: csrftoken=" + b"c" * 32 + b"\r\n"

    answer = ask(
        web.port, b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n" + token + chunks
    )

    assert status_of(answer) == 403  # read, and without the form's own token


def test_parallel_visits_are_all_answered_on_one_connection_for_each_thread(
    web: LiveSite,
) -> None:
    with ThreadPoolExecutor(30) as pool:
        statuses = list(pool.map(web.status, ["/"] * 60))

    assert set(statuses) == {200}
    assert 1 <= sessions() <= THREADS


def sessions() -> int:
    """Count the connections to this database besides ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        row: tuple[int] = cursor.fetchone()
    return row[0]


def test_healthz_and_style_sheets_answer_while_every_page_hangs(web: LiveSite) -> None:
    with ThreadPoolExecutor(2 * THREADS) as pool, transaction.atomic():
        close_the_board()
        pages = [pool.submit(web.status, "/") for _ in range(2 * THREADS)]
        wait_for_blocked(THREADS)

        express = [web.status("/healthz"), web.status("/static/css/base.css")]

        transaction.set_rollback(True)
    assert express == [200, 200]
    assert len(pages) == 2 * THREADS


@pytest.mark.crash
def test_a_stop_lets_what_is_under_way_finish_and_takes_nothing_new(web: LiveSite) -> None:
    assert web.web is not None
    process = web.web
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            close_the_board()
            page = pool.submit(web.status, "/")
            wait_for_blocked(1)
            process.send_signal(signal.SIGTERM)
            refused = wait_for_refusal(web)
            transaction.set_rollback(True)
        answered = page.result(10)

    assert (refused, answered) == (True, 200)
    assert process.wait(10) == 0


def close_the_board() -> None:
    """Let every page that reads the boards hang until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE submissions_board IN ACCESS EXCLUSIVE MODE")


def wait_for_blocked(pages: int) -> None:
    """Wait until so many sessions hang on the lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks "
                "WHERE relation = 'submissions_board'::regclass AND NOT granted"
            )
            if cursor.fetchone()[0] >= pages:
                return
        threading.Event().wait(0.02)
    raise AssertionError("no page hangs")


def wait_for_refusal(web: LiveSite) -> bool:
    """Say whether new visitors are refused soon."""
    for _ in range(50):
        if web.status("/healthz") == 0:
            return True
        threading.Event().wait(0.02)
    return False


@pytest.mark.crash
def test_a_restart_by_hup_refuses_nobody(web: LiveSite) -> None:
    assert web.web is not None
    before = workers_of(web.web.pid)
    statuses = []

    os.kill(web.web.pid, signal.SIGHUP)
    for _ in range(3000):
        statuses.append(web.status("/healthz"))
        now = workers_of(web.web.pid)
        if now and not now & before:
            break
        threading.Event().wait(0.01)

    assert not workers_of(web.web.pid) & before
    assert set(statuses) == {200}


def workers_of(pid: int) -> set[int]:
    """Return the processes that serve."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}
