"""System checks: wrong settings and code that cannot be replayed are told at start-up, with a hint."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from workflows.conf import conf
from workflows.definitions.functions import where
from workflows.definitions.step import wrapped_steps
from workflows.definitions.workflow import find_workflow, known_code, wrapped_workflows
from workflows.source.determinism import Finding, read_workflow
from workflows.source.plan import steps_by_name

SAME_NAME = (
    'Give the newer one a name of its own, @step(name="…"). Where runs have recorded it already, '
    "that is a change like any other: the workflow needs a new version."
)


def connect() -> None:
    """Register the checks."""
    register(check_conf)
    register(check_database)
    register(check_decorators)
    register(check_workflows)
    register(check_step_names)


def check_conf(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E001: a wrong name or value in settings.WORKFLOWS."""
    try:
        conf()
    except (ImproperlyConfigured, TypeError) as exc:
        hint = "docs/settings.md lists every setting with its unit and default."
        return [Error(str(exc), hint=hint, id="workflows.E001")]
    return []


def check_database(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E002 to E004: a database, or times, that the engine cannot work on."""
    database: dict[str, Any] = settings.DATABASES.get("default", {})
    if "postgresql" not in str(database.get("ENGINE")):
        return [
            Error(
                "the default database is not PostgreSQL",
                hint="The engine needs SKIP LOCKED, NOTIFY and advisory locks: set "
                'DATABASES["default"]["ENGINE"] to "django.db.backends.postgresql".',
                id="workflows.E002",
            )
        ]
    if (database.get("OPTIONS") or {}).get("pool"):
        return [
            Error(
                'the database option "pool" is set',
                hint="Forked workers would share its sockets; use CONN_MAX_AGE instead.",
                id="workflows.E003",
            )
        ]
    if not database.get("AUTOCOMMIT", True):
        return [
            Error(
                'the database setting "AUTOCOMMIT" is False',
                hint="A drive commits each of its statements by itself, and would never commit any.",
                id="workflows.E003",
            )
        ]
    if not settings.USE_TZ:
        return [
            Error(
                "settings.USE_TZ is False",
                hint="Deadlines and timers are compared as aware times; set USE_TZ = True.",
                id="workflows.E004",
            )
        ]
    return []


def check_decorators(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E009: a decorator above ours, which runs would not see."""
    wrapped = [("@step", each) for each in wrapped_steps()]
    wrapped += [("@workflow", each) for each in wrapped_workflows()]
    return [
        Error(
            f"{where(function)}: a decorator stands above {ours}, and would be dropped",
            hint=f"Put {ours} on top of it.",
            id="workflows.E009",
        )
        for ours, function in wrapped
    ]


def check_workflows(**kwargs: Any) -> list[CheckMessage]:
    """workflows.W001 and up: workflow code that would say something else at a replay."""
    found: dict[Finding, str] = {}
    for name, version in zip(*known_code(), strict=True):
        definition = find_workflow(name, version)
        if definition is not None:
            for finding in read_workflow(definition.function):
                found.setdefault(finding, name)
    return [_warning(finding, name) for finding, name in found.items()]


def check_step_names(**kwargs: Any) -> list[CheckMessage]:
    """workflows.W009: two steps that history, and so a replay, cannot tell apart."""
    told: list[CheckMessage] = []
    for name, version in zip(*known_code(), strict=True):
        definition = find_workflow(name, version)
        steps = {} if definition is None else steps_by_name(definition.function)
        for step, functions in sorted(steps.items()):
            if len(functions) > 1:
                words = f"workflow {name!r} uses {len(functions)} steps named {step!r}"
                places = ", ".join(sorted(map(where, functions)))
                told.append(Warning(f"{words}: {places}", hint=SAME_NAME, id="workflows.W009"))
    return told


def _warning(finding: Finding, workflow: str) -> CheckMessage:
    rule = finding.rule
    place = f"{os.path.relpath(finding.file)}:{finding.line}"
    hint = f"{rule.instead[0].upper()}{rule.instead[1:]}. Silence with `# workflows: ok`."
    told = f"{place}: workflow {workflow!r} {rule.does} ({finding.code})"
    if finding.through:
        told += f", through {' ← '.join(f'{name}()' for name in finding.through)}"
    return Warning(told, hint=hint, id=rule.id)
