"""Connects the listeners and finds every app's workflows."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WorkflowsConfig(AppConfig):
    """The engine as a Django app."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from workflows import checks
        from workflows.observe import logs

        checks.connect()
        logs.connect()
        autodiscover_modules("flows")
