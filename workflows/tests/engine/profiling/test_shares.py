"""Whose time it was."""

import json
from cProfile import Profile

import psycopg
import pytest

from workflows.core.codec import loads
from workflows.engine.profiling.shares import (
    DATABASE,
    ENGINE,
    OWN,
    owner_of,
    shares,
    slowest,
    statements,
)
from workflows.store.database import query
from workflows.store.statement import Statement


def spell(times: int) -> None:
    """Let Python's own library work for this project."""
    for _ in range(times):
        json.dumps({"a": [1, 2, 3], "b": {"c": "d"}}, sort_keys=True, indent=2)


def share_of(profile: Profile, owner: str) -> float:
    found = {each.owner: each.seconds for each in shares(profile)}
    return found[owner] / sum(found.values())


def test_a_file_belongs_to_its_room() -> None:
    assert owner_of((loads.__code__.co_filename, 1, "loads")) == ENGINE
    assert owner_of((psycopg.Cursor.execute.__code__.co_filename, 1, "execute")) == DATABASE
    assert owner_of((__file__, 1, "spell")) == OWN
    assert owner_of((json.dumps.__code__.co_filename, 1, "dumps")) is None
    assert owner_of(("~", 0, "<built-in method builtins.len>")) is None


def test_what_libraries_take_is_counted_for_who_calls_them() -> None:
    profile = Profile()

    profile.runcall(spell, 300)

    assert share_of(profile, OWN) > 0.95
    assert [each.name.rpartition(" ")[2] for each in slowest(profile)] == ["spell"]


def test_every_second_belongs_to_somebody_once() -> None:
    profile = Profile()

    profile.runcall(spell, 50)

    whole = sum(each.inlinetime for each in profile.getstats())
    assert sum(each.seconds for each in shares(profile)) == pytest.approx(whole, rel=0.01)


@pytest.mark.django_db
def test_the_database_is_told_apart_and_its_statements_are_counted() -> None:
    profile = Profile()
    before = statements(profile)

    profile.runcall(query, Statement("SELECT pg_sleep(0.05)"))

    assert before == 0 and statements(profile) == 1
    assert share_of(profile, DATABASE) > 0.8
