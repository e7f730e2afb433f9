"""System checks of what surrounds the engine: its cluster, its database, its name."""

from collections.abc import Sequence
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections
from django.template.exceptions import TemplateDoesNotExist
from django.template.loader import get_template

from workflows.q_cluster import BROKER, OWN_CLUSTER, QUEUES, option_fault

DISTRIBUTION = "django-durable-workflows"
OLDEST_POSTGRESQL = 15
CONFIRMATION = "workflows/confirm.html"
WRITE_OURS = "Q_CLUSTER = workflows.cluster_settings(workers=8)"


def connect() -> None:
    """Register the checks."""
    register(check_django_q)
    register(check_cluster)
    register(check_server, Tags.database)
    register(check_name)
    register(check_templates)


def check_django_q(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E005: the app whose processes drive runs."""
    if any(app == "django_q" or app.startswith("django_q.") for app in settings.INSTALLED_APPS):
        return []
    return [
        Error(
            "'django_q' is not in INSTALLED_APPS",
            hint="Its processes drive the runs; add it behind 'workflows'.",
            id="workflows.E005",
        )
    ]


def check_cluster(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E006 and W010: a Q_CLUSTER that runs cannot use, or that has no queue."""
    given = getattr(settings, "Q_CLUSTER", None)
    if given is None:
        return [
            Warning(
                "there is no Q_CLUSTER, and 'django_q' has read its settings before 'workflows' "
                "could give it one",
                hint=f"Put 'workflows' before 'django_q' in INSTALLED_APPS, or write {WRITE_OURS}.",
                id="workflows.W010",
            )
        ]
    if fault := _fault_of(given):
        hint = f"For runs alone: {WRITE_OURS}. Beside ordinary tasks, leave it to runcluster."
        return [Error(f"Q_CLUSTER {fault}", hint=hint, id="workflows.E006")]
    if _has_no_queue(given):
        return [
            Warning(
                "Q_CLUSTER names no queue for ordinary tasks: django-q2 would look for a Redis",
                hint=f"Name it ('orm': 'default'), or, for runs alone, write {WRITE_OURS}.",
                id="workflows.W010",
            )
        ]
    return []


def _fault_of(given: Any) -> str:
    """Return why runcluster cannot use this Q_CLUSTER, or an empty string."""
    if not isinstance(given, dict):
        return f"is {given!r}; give a dictionary"
    broker = given.get("broker_class")
    if isinstance(broker, str) and broker.startswith("workflows.") and broker != BROKER:
        return f"has the broker_class {broker!r}, which does not exist; the engine's is {BROKER!r}"
    others = given.get("ALT_CLUSTERS") or {}
    if not isinstance(others, dict) or not isinstance(others.get(OWN_CLUSTER, {}), dict):
        return f"must have dictionaries in 'ALT_CLUSTERS', also for {OWN_CLUSTER!r}"
    fault = option_fault(given if broker == BROKER else others.get(OWN_CLUSTER, {}))
    return f"cannot be used for runs: {fault}" if fault else ""


def _has_no_queue(given: dict[str, Any]) -> bool:
    named = given.get("broker_class") or any(given.get(name) for name in QUEUES)
    return not named and find_spec("redis") is None


def check_server(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """workflows.E007: a PostgreSQL that is too old. Asked by migrate and `check --database default`."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    if DEFAULT_DB_ALIAS not in (databases or ()) or connection.vendor != "postgresql":
        return []
    major: int = connection.pg_version // 10_000
    if major >= OLDEST_POSTGRESQL:
        return []
    return [
        Error(
            f"the default database is PostgreSQL {major}",
            hint=f"The engine needs PostgreSQL {OLDEST_POSTGRESQL} or later.",
            id="workflows.E007",
        )
    ]


def check_name(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E008: another distribution whose files mix with ours in one folder."""
    installed = set(packages_distributions().get("workflows", []))
    if not (others := sorted(installed - {DISTRIBUTION})):
        return []
    names = ", ".join(others)
    return [
        Error(
            f"the distribution {names} also installs a package named 'workflows'",
            hint=f"`pip uninstall {' '.join(sorted(installed))}`, then install {DISTRIBUTION} alone: "
            "the two cannot share an environment.",
            id="workflows.E008",
        )
    ]


def check_templates(**kwargs: Any) -> list[CheckMessage]:
    """workflows.W011: the page on which the admin's actions ask first cannot be found."""
    if "django.contrib.admin" not in settings.INSTALLED_APPS:
        return []
    try:
        get_template(CONFIRMATION)
    except TemplateDoesNotExist:
        words = (
            f"the template {CONFIRMATION!r} cannot be found, so the admin's actions on runs fail"
        )
        hint = "Set 'APP_DIRS': True in TEMPLATES, or add the loader 'app_directories.Loader'."
        return [Warning(words, hint=hint, id="workflows.W011")]
    return []
