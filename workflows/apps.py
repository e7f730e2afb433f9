"""Connects the listeners, finds every app's workflows, and keeps the database's rules in force."""

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.migrations import RunSQL
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules

from workflows.q_cluster import cluster_settings


class WorkflowsConfig(AppConfig):
    """The engine as a Django app."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        super().__init__(app_name, app_module)
        # django-q2 reads its settings once, when it is imported; later would be in vain.
        if not hasattr(settings, "Q_CLUSTER") and "django_q.conf" not in sys.modules:
            settings.Q_CLUSTER = cluster_settings()

    def ready(self) -> None:
        from workflows import checks, installation
        from workflows.observe import cluster_logs, logs, schedule_logs

        checks.connect()
        installation.connect()
        logs.connect()
        cluster_logs.connect()
        schedule_logs.connect()
        post_migrate.connect(install_rules, sender=self)
        autodiscover_modules("flows")


def install_rules(using: str, **kwargs: Any) -> None:
    """Give tables that were made without migrations (pytest --nomigrations) their triggers.

    A parent would never hear of its children's ends otherwise.
    """
    connection = connections[using]
    if using != DEFAULT_DB_ALIAS or connection.vendor != "postgresql":
        return
    if any(app == "workflows" for app, _ in MigrationRecorder(connection).applied_migrations()):
        return
    with transaction.atomic(using), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('workflows_run') IS NULL")
        no_tables = cursor.fetchone()[0]
        cursor.execute("SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'run_moves')")
        if no_tables or cursor.fetchone()[0]:
            return
        for sql in _rules():
            cursor.execute(sql)


def _rules() -> list[str]:
    folder = import_module("workflows.migrations")
    names = sorted(module.name for module in iter_modules(folder.__path__))
    found = [import_module(f"workflows.migrations.{name}").Migration.operations for name in names]
    return [
        str(each.sql) for operations in found for each in operations if isinstance(each, RunSQL)
    ]
