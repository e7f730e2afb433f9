"""What the web server serves: `manage.py runweb` names it to granian."""

import multiprocessing
import resource

from django.conf import settings

from ops.process import die_with_parent
from toolsite.web.application import WebApplication
from toolsite.web.command import MAX_CONNECTIONS
from toolsite.web.threads import Threads
from toolsite.wsgi import application

EXPRESS_PATHS = ["/healthz", f"/{settings.STATIC_URL.lstrip('/')}"]
FILES_BESIDE = 200
"""Files a process has open besides its visitors' connections, with room to spare."""


def child_application() -> WebApplication:
    """Return the application in a web server's worker that must not outlive its server.

    For granian --factory, which calls this in each worker: its workers would go on serving,
    and hold the port, after their main process was killed.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(parent.pid)
    allow_connections()
    return WebApplication(
        Threads(application, threads=settings.WEB_THREADS, express_paths=EXPRESS_PATHS)
    )


def allow_connections() -> None:
    """Raise the limit of open files as far as connections need it and the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + FILES_BESIDE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
