"""Start-up of the site's frame: admin, checks, signals."""

from django.apps import AppConfig, apps
from django.contrib import admin


class ToolsiteConfig(AppConfig):
    """The site's frame."""

    name = "toolsite"

    def ready(self) -> None:
        """Connect what must run at start-up."""
        # allauth and Django's accounts need the models, which are not there yet when this module
        # is imported.
        from allauth.account.decorators import secure_admin_login
        from django.contrib.auth.models import Group, User

        # Importing registers what these have for Django.
        from toolsite import checks, deploy_checks, outage  # noqa: F401
        from toolsite.accounts.staff_admin import AccountAdmin, RightsAdmin
        from toolsite.postgresql import web_limit  # noqa: F401

        for app_label in HIDDEN:
            hide_from_admin(app_label)
        admin.site.unregister([User, Group])
        admin.site.register(User, AccountAdmin)
        admin.site.register(Group, RightsAdmin)
        # Staff sign in where everybody does, behind the same rate limits.
        admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


HIDDEN = ("account", "usersessions", "django_q")
"""Apps without a place in the admin. An account's confirmed address receives its password links:
who could give a superuser one would be that superuser. Sessions are the visitors' own. django-q2's
forms let staff name any
function to be run, and its rows hold pickles."""


def hide_from_admin(app_label: str) -> None:
    """Take an app's models out of the admin."""
    for model in apps.get_app_config(app_label).get_models():
        if admin.site.is_registered(model):
            admin.site.unregister(model)
