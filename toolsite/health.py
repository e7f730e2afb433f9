"""Two addresses for machines: /healthz (this process is up) and /readyz (the site can serve)."""

from functools import cache

from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from toolsite.outage import first_line
from toolsite.postgresql.web_limit import SILENCE
from workflows.api import living_workers


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process can answer at all; nothing else is asked.

    What pages have met is told: starting this process again would not make the database answer.
    """
    if SILENCE.since is None:
        return JsonResponse({"status": "ok"})
    said = f"does not answer since {SILENCE.since:%Y-%m-%d %H:%M:%S} UTC"
    return JsonResponse({"status": "ok", "database": said})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 where the site can do its work, else 503 with the reason."""
    reason = why_not_ready()
    if reason:
        return JsonResponse({"status": "unavailable", "reason": reason}, status=503)
    return JsonResponse({"status": "ok"})


def why_not_ready() -> str:
    """Return what keeps the site from working, or an empty string."""
    try:
        missing = unapplied_migrations()
        if missing:
            return f"{len(missing)} migrations are not applied, the first is {missing[0]}"
        if living_workers() < 1:
            return "no cluster is alive: nothing works on submissions (manage.py runcluster)"
    except Error as error:
        return f"the database does not answer: {first_line(error)}"
    return ""


def unapplied_migrations() -> list[str]:
    """Return the names of migrations this code has and the database has not, in one query."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in known_migrations() - set(applied))


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Return every migration in the code; a process's code does not change, so read it once."""
    return frozenset(MigrationLoader(None).graph.nodes)
