"""System checks: wrong settings stop the start, with a hint."""

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from submissions.conf import conf


def check_conf(**kwargs: object) -> list[CheckMessage]:
    """submissions.E001: settings.SUBMISSIONS holds an unknown name or an unusable value."""
    try:
        conf()
    except ImproperlyConfigured as wrong:
        hint = "submissions/conf.py lists every setting with its type, unit and default."
        return [Error(str(wrong), hint=hint, id="submissions.E001")]
    return []
