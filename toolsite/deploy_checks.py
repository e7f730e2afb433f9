"""What `manage.py check --deploy` says where the environment suits a demo, but no production."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def check_mail_server(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Warn where mail becomes files: nobody could confirm their address."""
    if not settings.EMAIL_BACKEND.startswith("toolsite.mail_files."):
        return []
    return [
        Warning(
            f"No mail leaves: every mail becomes a file in {settings.EMAIL_FILE_PATH}.",
            hint="Set EMAIL_URL, such as submission://user:password@host:587. Without mail nobody "
            "can confirm an address, and so nobody can sign up.",
            id="toolsite.W003",
        )
    ]


@register(Tags.security, deploy=True)
def check_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Warn where the site answers to any name."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "The site answers to every host name.",
            hint="Name its hosts in TOOLSITE_ALLOWED_HOSTS: else a page may be made to link to a "
            "stranger's host.",
            id="toolsite.W004",
        )
    ]
