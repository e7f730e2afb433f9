"""Start-up of the site's frame: admin, checks, signals."""

from django.apps import AppConfig, apps
from django.contrib import admin


class ToolsiteConfig(AppConfig):
    """The site's frame."""

    name = "toolsite"

    def ready(self) -> None:
        """Connect what must run at start-up."""
        # allauth needs the models, which are not there yet when this module is imported.
        from allauth.account.decorators import secure_admin_login

        from toolsite import checks, outage  # noqa: F401  importing registers their receivers
        from toolsite.postgresql import web_limit  # noqa: F401

        hide_from_admin("django_q")
        # Staff sign in where everybody does, behind the same rate limits.
        admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def hide_from_admin(app_label: str) -> None:
    """Take an app's models out of the admin.

    django-q2's forms let staff name any function to be run, and its rows hold pickles.
    """
    for model in apps.get_app_config(app_label).get_models():
        if admin.site.is_registered(model):
            admin.site.unregister(model)
