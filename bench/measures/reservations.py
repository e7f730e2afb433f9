"""Reservations over HTTP: the real web server, signed-in people, each taking a slot of their own."""

from collections import Counter
from collections.abc import Sequence

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import get_random_string

from bench.database import empty
from bench.figures import Figure, quantile
from bench.http_load import PROCESSES, THREADS, Answer, Visit, is_up, post_all
from bench.lab import Lab
from ops.free_port import free_port
from ops.site import web_command
from submissions.models import MOST_SLOTS, Board

WARM_UP_SLOTS = 80
SIGN_IN = "allauth.account.auth_backends.AuthenticationBackend"
SEE_OTHER = 303


def measure(lab: Lab) -> list[Figure]:
    """Return the rate and the response times."""
    boards, slots = lab.size(6, 1), lab.size(MOST_SLOTS, 100)
    lab.cluster()
    empty("workflows_run", "submissions_submission")
    port = free_port()
    lab.start_web(web_command(port), lambda: is_up(port))
    sessions = [sign_in(f"visitor-{number}") for number in range(slots)]
    post_all(port, reservations("bench-warm-up", sessions[:WARM_UP_SLOTS]))
    slugs = [f"bench-{number}" for number in range(boards)]
    answers = post_all(port, [visit for slug in slugs for visit in reservations(slug, sessions)])
    lab.stop_web()
    return figures(answers)


def sign_in(name: str) -> str:
    """Make a person; return the key of a session as signing in would leave it."""
    user = User.objects.create(username=name, email=f"{name}@example.com")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = SIGN_IN
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session.session_key or ""


def reservations(slug: str, sessions: Sequence[str]) -> list[Visit]:
    """Make a board; return the visits that take each of its slots."""
    Board.objects.create(slug=slug, name=slug, slots=len(sessions), reservation_seconds=3600)
    return [
        Visit(f"/boards/{slug}/slots/{slot}/reserve", session, get_random_string(32))
        for slot, session in enumerate(sessions, start=1)
    ]


def figures(answers: Sequence[Answer]) -> list[Figure]:
    """Return what the answers say; only reservations that were made count."""
    made = [answer for answer in answers if answer.status == SEE_OTHER]
    lasted = max(a.answered_at for a in answers) - min(a.asked_at for a in answers)
    took = [1000 * (answer.answered_at - answer.asked_at) for answer in made] or [0.0]
    statuses = Counter(answer.status for answer in answers)
    counted = ", ".join(f"{count} of {status}" for status, count in sorted(statuses.items()))
    rate = Figure(
        name="reservations_per_second",
        title="reservations over HTTP",
        value=len(made) / lasted,
        unit="/s",
        note=f"{PROCESSES * THREADS} clients on the same machine; answers: {counted}",
    )
    times = [
        Figure(
            name=f"reservation_p{percent}_ms",
            title=f"reservation over HTTP, p{percent}",
            value=quantile(took, percent / 100),
            unit="ms",
            note="at that rate",
        )
        for percent in (50, 99)
    ]
    return [rate, *times]
