"""100,000 submissions: how long the lists take, and by which plan. Run by name:

`python3 run.py test submissions/tests/soak_many_submissions.py -n 0 -s`
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from submissions.models import Submission
from submissions.tests.builders import make_board, moderator

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 100_000
TIMES = 20
PUBLIC_MS, ADMIN_MS = 100, 200
"""What 95 of 100 may take at most."""

PEOPLE = """
INSERT INTO auth_user (username, email, password, is_superuser, is_staff, is_active, first_name,
                       last_name, date_joined)
SELECT 'maker' || n, 'maker' || n || '@example.com', '!', false, false, true, '', '', now()
FROM generate_series(1, 20000) AS n
"""
# 90 of 100 approved, 1,000 in review (half of them wait for a decision), the rest rejected or cancelled.
# One word in all of them, one in every tenth, one in every hundredth, one in a single one.
FILL = """
INSERT INTO submissions_submission (
    id, board_id, slot, maker_id, status, reason, reason_code, link_note, name, link, link_key, tagline,
    description, category, slug, draft, idempotency_key, run_id, reserved_at, expires_at, details_at,
    link_checked_at, decided_at)
SELECT gen_random_uuid(), (SELECT min(id) FROM submissions_board) + n % 200, n / 200 + 1,
    (SELECT min(id) FROM auth_user WHERE username LIKE 'maker%') + n % 20000,
    kind, '', '', '', 'Tool ' || md5(n::text), 'https://site' || n || '.example.com/', md5(n::text),
    'Explains ' || CASE WHEN n % 10 = 0 THEN 'slow ' ELSE '' END
        || CASE WHEN n % 100 = 0 THEN 'seldom ' ELSE '' END
        || CASE WHEN n = 77777 THEN 'needle ' ELSE '' END || md5((n * 7)::text),
    repeat('For teams that own their queries. ', 8),
    (ARRAY['data','developer','design','finance','ops','research','writing','other'])[n % 8 + 1],
    CASE WHEN kind = 'approved' THEN 'tool-' || n ELSE '' END, '{}', '', gen_random_uuid(),
    now() - n * interval '1 minute', now() - n * interval '1 minute' + interval '2 minutes',
    now() - n * interval '1 minute', CASE WHEN n % 2 = 0 THEN now() END, now() - n * interval '1 minute'
FROM (SELECT n, CASE WHEN n % 100 < 90 THEN 'approved' WHEN n % 100 = 90 THEN 'in_review'
                     WHEN n % 100 < 96 THEN 'rejected' ELSE 'cancelled' END AS kind
      FROM generate_series(1, ROWS) AS n) AS numbers
"""

PUBLIC = (
    "/tools/",
    "/tools/?sort=name",
    "/tools/?category=ops",
    "/tools/?q=tool",
    "/tools/?q=slow",
)
ADMIN_LIST = "/admin/submissions/submission/"
ADMIN = (
    "/moderation/",
    ADMIN_LIST,
    f"{ADMIN_LIST}?status__exact=in_review",
    f"{ADMIN_LIST}?status__exact=pending",
    f"{ADMIN_LIST}?category__exact=ops&status__exact=cancelled",
    f"{ADMIN_LIST}?board__id__exact=BOARD",
    f"{ADMIN_LIST}?q=tool",
    f"{ADMIN_LIST}?q=slow",
    f"{ADMIN_LIST}?q=seldom",
    f"{ADMIN_LIST}?q=needle",
    f"{ADMIN_LIST}?q=nothing",
    f"{ADMIN_LIST}?q=maker777@example.com",
    f"{ADMIN_LIST}?q=site777&status__exact=approved",
    "/admin/submissions/board/",
)


@pytest.fixture
def mona() -> Client:
    """A moderator, on a site with many submissions."""
    mona = moderator()
    for number in range(200):
        make_board(f"board-{number}", slots=500)
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE)
        cursor.execute(FILL.replace("ROWS", str(ROWS)))
        cursor.execute("VACUUM ANALYZE submissions_submission")
        cursor.execute("VACUUM ANALYZE auth_user")
    client = Client()
    client.force_login(mona)
    client.get("/")
    return client


@override_settings(SUBMISSIONS={"searches_per_minute": 10_000})
def test_lists_of_many_are_fast(mona: Client) -> None:
    board = Submission.objects.values_list("board_id", flat=True)[0]
    slow = []
    for addresses, most in ((PUBLIC, PUBLIC_MS), (ADMIN, ADMIN_MS)):
        for address in addresses:
            address = address.replace("BOARD", str(board))
            taken = quantiles(timed(mona, address), n=20)[-1]
            print(f"{taken:7.1f} ms  p95 of {TIMES}  {address}")  # noqa: T201
            slow += [address] if taken > most else []
            explain(mona, address)

    assert slow == []


def timed(client: Client, address: str) -> list[float]:
    """Return how many milliseconds each of many visits took."""
    client.get(address)
    found: list[float] = []
    for _ in range(TIMES):
        with stopwatch(found):
            assert client.get(address).status_code == 200
    return found


@contextmanager
def stopwatch(found: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    found.append((time.perf_counter() - began) * 1000)


def explain(client: Client, address: str) -> None:
    """Print the plans of what the page asks of the table."""
    with CaptureQueriesContext(connection) as asked:
        client.get(address)
    with connection.cursor() as cursor:
        for each in asked:
            if "submissions_submission" not in each["sql"] or not each["sql"].startswith("SELECT"):
                continue
            cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) " + each["sql"])
            for (line,) in cursor.fetchall():
                print(f"            {line[:150]}")  # noqa: T201
