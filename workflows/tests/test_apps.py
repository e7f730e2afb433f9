"""The rules in the database are there however its tables were made."""

import pytest
from django.db import DatabaseError, connection, transaction

from workflows.api import Context, start, workflow
from workflows.apps import install_rules
from workflows.models import Run
from workflows.tests.builders import driven
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db

RULES = [
    *["child_ended", "chunks_go_along", "event_answered", "history_append_only"],
    *["limit_wait_begins", "limit_wait_changes"],
    *["pruned_key_refused", "run_key_free", "run_limits", "run_moves", "run_paused"],
    *["run_waited_for"],
]


@workflow("tests.parent_of_greeting")
def parent(run: Context) -> str:
    """One child."""
    return str(run.start_child(greet_once, name="Ann").result())


def test_tables_that_were_made_without_migrations_get_their_rules() -> None:
    as_without_migrations()

    install_rules(using="default")

    assert rules() == sorted(RULES)
    assert driven(parent).output == "Hello, Ann"
    run = start(wait_for_go)
    with pytest.raises(DatabaseError, match="cannot become"), transaction.atomic():
        Run.objects.filter(pk=run.id).update(state="compensated")


def test_rules_that_are_there_are_left_alone() -> None:
    as_without_migrations()

    install_rules(using="default")
    install_rules(using="default")

    assert rules() == sorted(RULES)


def test_migrations_alone_say_what_is_there_where_they_are_used() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER run_moves ON workflows_run")

    install_rules(using="default")

    assert "run_moves" not in rules()


def as_without_migrations() -> None:
    """Take away what only migrations make, and that they were run."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'workflows'")
        cursor.execute("SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'workflows_%'")
        for (function,) in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {function} CASCADE")


def rules() -> list[str]:
    """Return the names of the triggers of the engine's tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE NOT tgisinternal AND relname LIKE 'workflows_%' ORDER BY tgname"
        )
        return [str(name) for (name,) in cursor.fetchall()]
