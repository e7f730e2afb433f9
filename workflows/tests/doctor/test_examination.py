"""All looks together: what could not be looked at is never well."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

from workflows.doctor import examination
from workflows.doctor.examination import AREAS, examine
from workflows.doctor.finding import Look, Severity, Trouble, warning
from workflows.store.diagnosis.server import server_clock

pytestmark = pytest.mark.django_db


def test_every_look_has_a_finding_and_a_name_of_its_own() -> None:
    names = [look.check for looks in AREAS.values() for look in looks]

    found = list(examine())

    assert len(names) == len(set(names))
    assert {each.check for each in found} == set(names)
    assert {each.check for each in found if "not looked at" in each.sentence} == {
        *("code_versions", "pools", "missing_code")  # no worker lives
    }


def test_an_area_alone_is_looked_at() -> None:
    assert {each.area for each in examine(["clocks"])} == {"clocks"}


def test_what_could_not_be_looked_at_is_a_warning_and_the_others_are_looked_at() -> None:
    def broken() -> Iterator[Trouble]:
        yield warning("seen before it broke", "")
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing_of_this_name")

    looks = [
        Look("broken", broken, "all is well"),
        Look("clock", lambda: (server_clock(), [])[1], "well"),
    ]
    with mock.patch.dict(examination.AREAS, {"clocks": looks}):
        seen, broken_one, clock = examine(["clocks"])

    assert seen.sentence == "seen before it broke"
    assert broken_one.severity == Severity.WARNING
    assert broken_one.sentence.startswith("broken was not looked at: ProgrammingError")
    assert clock.severity == Severity.OK


def test_without_a_database_nothing_is_called_well() -> None:
    away = OperationalError("connection refused\nIs the server running?")
    with mock.patch.object(connections[DEFAULT_DB_ALIAS], "ensure_connection", side_effect=away):
        [found] = examine()

    assert found.severity == Severity.ERROR
    assert found.sentence == (
        "the database cannot be reached, so nothing was looked at: connection refused"
    )


def test_the_documentation_has_a_line_for_every_look() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/commands.md").read_text()

    told = page.split("## The doctor")[1]

    assert [
        look.check for each in AREAS.values() for look in each if f"`{look.check}`" not in told
    ] == []
