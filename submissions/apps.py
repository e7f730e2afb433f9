"""The product as a Django app."""

from django.apps import AppConfig
from django.core.checks import register

from submissions.checks import check_conf


class SubmissionsConfig(AppConfig):
    name = "submissions"
    verbose_name = "Submissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(check_conf)
