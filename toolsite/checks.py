"""What `manage.py check --deploy` says about this site's own settings."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


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
