"""How a line of the log looks, and which of Django's words about visitors' mistakes are loud."""

import logging
import re
from typing import Any

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""All but tabs and the line ends of tracebacks."""

MAILED_LINK = re.compile(r"(?<=/accounts/confirm-email/)[^\s/]+|(?<=/reset/key/)[^\s/]+")
"""What opens an account, in the address of a request that is told of. ops/nginx.conf has it too."""


class PlainFormatter(logging.Formatter):
    """Shows control characters by their numbers: a NUL makes a log a binary file to grep.

    Of links that were mailed to somebody it leaves out what opens their account.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = MAILED_LINK.sub("...", super().format(record))
        return CONTROLS.sub(lambda found: ascii(found[0])[1:-1], line)


class CalmFilter(logging.Filter):
    """Visitors' mistakes are no warnings: a field left empty, a slot that was taken, an old link.

    What Django finds suspicious (a host, a filter of the admin) is one, without a traceback: the
    fault is not in our code.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Quieten the record; it is written in any case."""
        status: Any = getattr(record, "status_code", None)
        if record.name == "django.request" and status is not None and 400 <= status < 500:
            set_level(record, logging.INFO)
        if record.name.startswith("django.security"):
            set_level(record, logging.WARNING)
            record.exc_info = record.exc_text = None
        return True


def set_level(record: logging.LogRecord, level: int) -> None:
    record.levelno, record.levelname = level, logging.getLevelName(level)


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "outage": {"()": "toolsite.outage.OutageFilter"},
        "calm": {"()": "toolsite.log_lines.CalmFilter"},
    },
    "formatters": {
        "line": {
            "()": "toolsite.log_lines.PlainFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["outage", "calm"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Django gives these two handlers of their own, which would say everything twice.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
