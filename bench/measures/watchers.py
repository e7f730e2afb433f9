"""People who watch a board live, and what a reservation costs meanwhile."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from django.contrib.auth.models import User
from django.db import connection
from django.utils.crypto import get_random_string

from bench.database import backends, empty
from bench.figures import Aim, Figure, quantile
from bench.http_load import Answer, Visit, is_up, post_in_turn
from bench.lab import Lab
from bench.measures.reservations import sign_in
from bench.poll_load import EVERY_SECONDS, Polls, watch
from bench.processes import cpu_seconds, family
from bench.side_by_side import side_by_side
from ops.free_port import free_port
from ops.site import web_command
from submissions.models import MOST_SLOTS, Board

WATCHERS = 500
"""Every other one is signed in."""
BOARD_SLOTS = 24
WARM_UP_SECONDS = 6.0
names = count()


def measure(lab: Lab) -> list[Figure]:
    """Return what watching costs while nothing changes, and while slots are taken."""
    lab.cluster()
    empty("workflows_run", "submissions_submission")
    port = free_port()
    lab.start_web(web_command(port), lambda: is_up(port))
    seconds = float(lab.size(20, 5))
    cookies = people(WATCHERS)
    found = [
        *quiet(lab, port, "24", BOARD_SLOTS, cookies, seconds),
        *quiet(lab, port, "500", MOST_SLOTS, cookies, seconds),
        *busy(lab, port, cookies),
    ]
    lab.stop_web()
    return found


def people(how_many: int) -> list[str]:
    """Return the cookies of so many browsers."""
    signed_in = [f"sessionid={sign_in(f'watcher-{next(names)}')}" for _ in range(how_many // 2)]
    strangers = [""] * (how_many - len(signed_in))
    return [cookie for pair in zip(signed_in, strangers, strict=True) for cookie in pair]


def new_board(slots: int, taken: int) -> Board:
    """Make a board, some of whose slots are taken."""
    number = next(names)
    board = Board.objects.create(
        slug=f"watched-{number}", name="Watched", slots=slots, reservation_seconds=3600
    )
    rows = [f"holder-{number}-{slot}" for slot in range(1, taken + 1)]
    makers = User.objects.bulk_create([User(username=name) for name in rows])
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO submissions_submission (id, board_id, slot, maker_id, status, reason,"
            " reason_code, name, link, link_key, tagline, description, category, slug, draft,"
            " idempotency_key, expires_at) VALUES (gen_random_uuid(), %s, %s, %s, 'pending', '',"
            " '', '', '', '', '', '', '', '', '{}', '', now() + interval '1 hour')",
            [(board.pk, slot, maker.pk) for slot, maker in enumerate(makers, start=1)],
        )
    return board


def quiet(
    lab: Lab, port: int, name: str, slots: int, cookies: Sequence[str], seconds: float
) -> list[Figure]:
    """Return what it costs while nothing changes."""
    board = new_board(slots, slots // 2)
    path = f"/boards/{board.slug}/"
    with ThreadPoolExecutor(1) as background:
        watching = background.submit(watch_apart, port, path, cookies, WARM_UP_SECONDS + seconds)
        time.sleep(WARM_UP_SECONDS)
        web, server = cpu_of(lab)
        time.sleep(seconds - 1)
        web, server = (
            after - before for after, before in zip(cpu_of(lab), (web, server), strict=True)
        )
        polls = watching.result()
    per_second = len(polls.took_ms) / (WARM_UP_SECONDS + seconds)
    note = f"{len(cookies)} watchers; {tell(polls)}"
    return [
        Figure(
            name=f"watching_{name}_cores",
            title=f"watching a board of {name} slots that does not change",
            value=(web + server) / (seconds - 1),
            unit="cores",
            aim=Aim(limit=0.5),
            note=note,
        ),
        Figure(
            name=f"unchanged_poll_{name}_ms",
            title=f"an unchanged poll of {name} slots, CPU",
            value=1000 * (web + server) / (seconds - 1) / per_second,
            unit="ms",
            aim=Aim(limit=2),
            note=f"of it PostgreSQL {1000 * server / (seconds - 1) / per_second:.2f} ms",
        ),
    ]


def busy(lab: Lab, port: int, cookies: Sequence[str]) -> list[Figure]:
    """Return what a reservation costs under the eyes of all, one every two seconds."""
    board, makers = new_board(BOARD_SLOTS, 0), lab.size(BOARD_SLOTS, 4)
    visits = [
        Visit(f"/boards/{board.slug}/slots/{slot}/reserve", sign_in(f"maker-{next(names)}"), token)
        for slot, token in enumerate((get_random_string(32) for _ in range(makers)), start=1)
    ]
    seconds = EVERY_SECONDS * makers
    with ThreadPoolExecutor(1) as background:
        path = f"/boards/{board.slug}/"
        watching = background.submit(watch_apart, port, path, cookies, WARM_UP_SECONDS + seconds)
        time.sleep(WARM_UP_SECONDS)
        before, began = cpu_of(lab), time.monotonic()
        answers = [
            paced(port, visit, began + EVERY_SECONDS * number)
            for number, visit in enumerate(visits)
        ]
        lasted = time.monotonic() - began
        used = sum(cpu_of(lab)) - sum(before)
        polls = watching.result()
    took = [1000 * (answer.answered_at - answer.asked_at) for answer in answers]
    statuses = sorted({answer.status for answer in answers})
    return [
        Figure(
            name="watching_changes_cores",
            title="watching a board of 24 slots, one taken every 2 s",
            value=used / lasted,
            unit="cores",
            aim=Aim(limit=0.5),
            note=tell(polls),
        ),
        Figure(
            name="watched_reservation_p99_ms",
            title="a reservation under the eyes of all, p99",
            value=quantile(took, 0.99),
            unit="ms",
            aim=Aim(limit=250),
            note=f"{len(took)} of them, p50 {quantile(took, 0.5):.0f} ms, answered {statuses}",
        ),
    ]


def watch_apart(port: int, path: str, cookies: Sequence[str], seconds: float) -> Polls:
    """Watch in a process of its own, whose work is not the site's."""
    return side_by_side(watch, [(port, path, cookies, seconds)])[0]


def paced(port: int, visit: Visit, at: float) -> Answer:
    """Reserve at this moment."""
    time.sleep(max(0.0, at - time.monotonic()))
    return post_in_turn(port, [visit])[0]


def cpu_of(lab: Lab) -> tuple[float, float]:
    """Return the CPU seconds of the web server and of PostgreSQL's processes that serve us."""
    return cpu_seconds(family(lab.web_pid)), cpu_seconds(backends())


def tell(polls: Polls) -> str:
    """Say how the polls were answered."""
    return (
        f"{polls.unchanged} polls unchanged, {polls.changed} changed, {polls.failed} failed, "
        f"p50 {quantile(polls.took_ms, 0.5):.1f} ms, p99 {quantile(polls.took_ms, 0.99):.0f} ms"
    )
