"""What the web server serves: granian --interface wsgi toolsite.wsgi:application."""

import multiprocessing
import os

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

from ops.process import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "toolsite.settings")

application = get_wsgi_application()


def child_application() -> WSGIHandler:
    """Return the application in a web server's worker that must not outlive its server.

    For granian --factory, which calls this in each worker: its workers would go on serving,
    and hold the port, after their main process was killed.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(parent.pid)
    return application
