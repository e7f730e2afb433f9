"""What `manage.py check --deploy` says about this site's own settings."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import Error, connection

from toolsite.web.threads import EXPRESS_THREADS


@register(Tags.security, deploy=True)
def check_link_check_allow(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Warn where strangers' links may reach networks that are not public."""
    allowed: list[str] = settings.SUBMISSIONS["link_check_allow"]
    if not allowed:
        return []
    return [
        Warning(
            f"The link check may reach {', '.join(allowed)}.",
            hint="Unset TOOLSITE_LINK_CHECK_ALLOW: it is for tests. A stranger's link could "
            "make this server ask services that only it can reach.",
            id="toolsite.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_connections(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Warn where one web server and one cluster may want more connections than there are.

    Says nothing where the database does not answer: how many it allows is not known then.
    """
    allowed = allowed_connections()
    web = settings.WEB_PROCESSES * (settings.WEB_THREADS + EXPRESS_THREADS)
    workers = settings.Q_CLUSTER["workers"]
    drives = min(settings.WORKFLOWS.get("slots", 1), settings.WORKFLOWS.get("connections", 8))
    cluster = (drives + 1) * workers + 1
    if allowed is None or web + cluster <= allowed:
        return []
    return [
        Warning(
            f"The web server and one cluster may open {web + cluster} database connections, "
            f"and PostgreSQL allows {allowed} (max_connections less the reserved ones).",
            hint=f"Web: {settings.WEB_PROCESSES} processes * ({settings.WEB_THREADS} + "
            f"{EXPRESS_THREADS}) threads = {web}. Cluster: ({drives} for drives + 1) * {workers} workers "
            f"+ 1 = {cluster}. Lower TOOLSITE_WEB_PROCESSES, TOOLSITE_WEB_THREADS, TOOLSITE_WORKERS or "
            "TOOLSITE_SLOTS, or raise max_connections. Every further web server or cluster comes on top.",
            id="toolsite.W002",
        )
    ]


def allowed_connections() -> int | None:
    """Return how many connections those who are not superusers may open; None where unknown."""
    try:
        with connection.cursor() as cursor:
            # reserved_connections is there from PostgreSQL 16 on.
            cursor.execute(
                "SELECT current_setting('max_connections')::int"
                " - current_setting('superuser_reserved_connections')::int"
                " - coalesce(current_setting('reserved_connections', true), '0')::int"
            )
            return int(cursor.fetchone()[0])
    except Error:
        return None
