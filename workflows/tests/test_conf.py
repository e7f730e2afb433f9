"""Settings: defaults, overrides, and clear words for what is wrong."""

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from workflows.checks import check_conf, check_database, check_pooler
from workflows.conf import NO_NUMBERS, Conf, conf


def test_without_settings_the_defaults_hold() -> None:
    with override_settings(WORKFLOWS={}):
        assert conf() == Conf()


def test_a_setting_takes_the_place_of_its_default() -> None:
    with override_settings(WORKFLOWS={"lease_seconds": 3}):
        assert conf().lease_seconds == 3


def test_a_setting_that_equals_a_known_one_but_is_no_number_is_refused_all_the_same() -> None:
    with override_settings(WORKFLOWS={"max_crashes": 1}):
        assert conf().max_crashes == 1

    with override_settings(WORKFLOWS={"max_crashes": True}), pytest.raises(ImproperlyConfigured):
        conf()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lease_second", "has no setting 'lease_second'; did you mean 'lease_seconds'?"),
        ("max_crash", "has no setting 'max_crash'; did you mean 'max_crashes'?"),
        ("colour", "has no setting 'colour'"),
        (5, "has no setting 5"),
    ],
)
@pytest.mark.parametrize("value", [1, []], ids=repr)
def test_an_unknown_setting_is_named_with_its_nearest_relative(
    name: Any, words: str, value: Any
) -> None:
    with override_settings(WORKFLOWS={name: value}):
        [error] = check_conf()

    assert error.id == "workflows.E001"
    assert error.msg == f"WORKFLOWS {words}"


@pytest.mark.parametrize("name", sorted(set(Conf.__dataclass_fields__) - NO_NUMBERS))
@pytest.mark.parametrize(
    "value", [0, -1, "15", None, True, [1], float("nan"), float("inf"), 1e15], ids=repr
)
def test_a_setting_is_a_number_above_zero(name: str, value: Any) -> None:
    with (
        override_settings(WORKFLOWS={name: value}),
        pytest.raises(ImproperlyConfigured, match=rf"WORKFLOWS\['{name}'\] is .*; give a .*number"),
    ):
        conf()


@pytest.mark.parametrize("value", [2.5, 1001, 0, "16", True, None])
def test_slots_are_whole_and_not_too_many(value: Any) -> None:
    with override_settings(WORKFLOWS={"slots": value}):
        [error] = check_conf()

    assert "give a whole number from 1 to 1,000" in error.msg


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("keep_keys", 30, "30 is no span of time"),
        ("keep_keys", ["30d"], "is no span of time"),
        ("retention", "30d", "'30d' is no dictionary"),
        ("retention", {"*": {"done": "30d"}}, "no run ends as 'done'"),
        ("retention", {"*": ["30d"]}, "is no span of time"),
    ],
)
def test_what_is_said_of_pruning_is_held_to_its_form(name: str, value: Any, words: str) -> None:
    with override_settings(WORKFLOWS={name: value}):
        [error] = check_conf()

    assert error.id == "workflows.E001"
    assert error.msg.startswith(f"WORKFLOWS[{name!r}]: ")
    assert words in error.msg


def test_settings_with_dictionaries_are_checked_once_too() -> None:
    with override_settings(WORKFLOWS={"retention": {"*": {"completed": "30d"}}}):
        assert conf() is conf()


@pytest.mark.parametrize("value", [None, 3, ["lease_seconds"]])
def test_settings_that_are_no_dictionary_are_one_error_not_a_traceback(value: Any) -> None:
    with override_settings(WORKFLOWS=value):
        [error] = check_conf()

    assert error.id == "workflows.E001"


def test_right_settings_and_the_projects_database_pass() -> None:
    assert check_conf() == []
    assert check_database() == []


@pytest.mark.parametrize(
    ("database", "code"),
    [
        ({"ENGINE": "django.db.backends.sqlite3"}, "workflows.E002"),
        ({}, "workflows.E002"),
        (
            {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": True}},
            "workflows.E003",
        ),
    ],
)
def test_a_database_the_engine_cannot_work_on_is_refused(
    database: dict[str, Any], code: str
) -> None:
    theirs = SimpleNamespace(DATABASES={"default": database}, USE_TZ=True)

    with mock.patch("workflows.checks.settings", theirs):
        [error] = check_database()

    assert error.id == code
    assert error.hint


def test_times_without_a_zone_are_refused() -> None:
    with override_settings(USE_TZ=False):
        [error] = check_database()

    assert error.id == "workflows.E004"


def test_a_database_that_commits_nothing_by_itself_is_refused() -> None:
    postgresql = {"ENGINE": "django.db.backends.postgresql", "AUTOCOMMIT": False, "OPTIONS": None}

    with mock.patch(
        "workflows.checks.settings", SimpleNamespace(DATABASES={"default": postgresql})
    ):
        [error] = check_database()

    assert (error.id, error.msg) == (
        "workflows.E003",
        'the database setting "AUTOCOMMIT" is False',
    )


def test_a_direct_database_that_is_none_is_refused_with_those_there_are() -> None:
    with (
        override_settings(WORKFLOWS={"direct_database": "straight"}),
        pytest.raises(ImproperlyConfigured, match=r"'straight'; name one of DATABASES: default"),
    ):
        conf()


@pytest.mark.parametrize(("disabled", "said"), [(True, []), (False, ["workflows.W018"])])
def test_a_pooler_wants_no_cursors_of_the_server_s(disabled: bool, said: list[str]) -> None:
    behind = {"default": {"DISABLE_SERVER_SIDE_CURSORS": disabled}, "direct": {}}
    with override_settings(DATABASES=behind, WORKFLOWS={"direct_database": "direct"}):
        assert [each.id for each in check_pooler()] == said
    with override_settings(WORKFLOWS={}):
        assert check_pooler() == []
