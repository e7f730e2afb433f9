"""System checks: wrong settings and code that cannot be replayed are told at start-up, with a hint."""

import os
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from workflows.conf import conf
from workflows.core.codec import dumps
from workflows.core.errors import ValueNotStorable
from workflows.core.signature import Input
from workflows.definitions.functions import where
from workflows.definitions.schedule import declared_schedules
from workflows.definitions.step import wrapped_steps
from workflows.definitions.workflow import (
    find_workflow,
    known_code,
    workflow_definition,
    wrapped_workflows,
)
from workflows.source.awaited_events import awaited_events
from workflows.source.determinism import Finding, read_workflow
from workflows.source.plan import steps_by_name

SAME_NAME = (
    'Give the newer one a name of its own, @step(name="…"). Where runs have recorded it already, '
    "that is a change like any other: the workflow needs a new version."
)


GIVE_INPUT = (
    "@schedule(…, input={…}) gives every parameter that has no default, as JSON values; "
    "scheduled_for: datetime is given the tick."
)


def connect() -> None:
    """Register the checks."""
    register(check_conf)
    register(check_codec)
    register(check_database)
    register(check_pooler)
    register(check_decorators)
    register(check_workflows)
    register(check_step_names)
    register(check_event_names)
    register(check_schedules)


def check_conf(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E001: a wrong name or value in settings.WORKFLOWS."""
    try:
        conf()
    except (ImproperlyConfigured, TypeError) as exc:
        hint = "docs/settings.md lists every setting with its unit and default."
        return [Error(str(exc), hint=hint, id="workflows.E001")]
    return []


def check_codec(**kwargs: Any) -> list[CheckMessage]:
    """workflows.W019: a codec that encrypts nothing any more."""
    codec = None if check_conf() else conf().payload_codec
    if codec is None or codec.writes:
        return []
    return [
        Warning(
            "WORKFLOWS['codec'] only reads: what runs keep from now on is stored plain",
            hint="Once every process runs with it, call manage.py workflows_reencrypt; when that ends with 0, "
            "take the codec out of the settings.",
            id="workflows.W019",
        )
    ]


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


def check_pooler(**kwargs: Any) -> list[CheckMessage]:
    """workflows.W018: a cursor of the server's would be looked for in another session than its own."""
    if check_conf() or conf().direct_database == "default":
        return []
    if settings.DATABASES["default"].get("DISABLE_SERVER_SIDE_CURSORS"):
        return []
    return [
        Warning(
            "direct_database says that a pooler stands before the default database, which has cursors of "
            "the server's",
            hint='Set DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True: .iterator() fails '
            "behind a pooler in transaction mode.",
            id="workflows.W018",
        )
    ]


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


def check_event_names(**kwargs: Any) -> list[CheckMessage]:
    """workflows.W017: an event whose type is declared, and for which the code never waits."""
    told: list[CheckMessage] = []
    for name, version in zip(*known_code(), strict=True):
        definition = find_workflow(name, version)
        if definition is None or not definition.events:
            continue
        awaited = awaited_events(definition.function)
        for event in sorted(definition.events.keys() - awaited if awaited is not None else ()):
            words = f"workflow {name!r} declares the event {event!r} and never waits for it"
            near = get_close_matches(event, awaited or (), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "Take it out of events={…}."
            told.append(
                Warning(f"{where(definition.function)}: {words}", hint=hint, id="workflows.W017")
            )
    return told


def check_schedules(**kwargs: Any) -> list[CheckMessage]:
    """workflows.E010: a schedule in code whose input its workflow cannot take."""
    told: list[CheckMessage] = []
    for declared in declared_schedules():
        signature = workflow_definition(declared.rules.workflow).signature
        given = dict(declared.rules.input)
        if signature.takes("scheduled_for"):
            given.setdefault("scheduled_for", "2026-01-01T00:00:00Z")
        try:
            signature.decode_input(Input(dumps(given)))
        except (TypeError, ValueNotStorable) as exc:
            place = where(declared.function)
            words = f"{place}: the input of schedule {declared.name!r} does not fit: {exc}"
            told.append(Error(words, hint=GIVE_INPUT, id="workflows.E010"))
    return told


def _warning(finding: Finding, workflow: str) -> CheckMessage:
    rule = finding.rule
    place = f"{os.path.relpath(finding.file)}:{finding.line}"
    hint = f"{rule.instead[0].upper()}{rule.instead[1:]}. Silence with `# workflows: ok`."
    told = f"{place}: workflow {workflow!r} {rule.does} ({finding.code})"
    if finding.through:
        told += f", through {' ← '.join(f'{name}()' for name in finding.through)}"
    return Warning(told, hint=hint, id=rule.id)
