"""The trigger and the table of legal moves say the same."""

import pytest
from django.db import IntegrityError, connection, transaction

from workflows.core.states import RUN_MOVES, RunState
from workflows.models import Run

PAIRS = [(old, new) for old in RunState for new in RunState]


def make(state: RunState) -> Run:
    return Run.objects.create(workflow="tests.made", version=1, state=state)


@pytest.mark.django_db
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_database_allows_the_moves_of_the_table_and_no_other(
    old: RunState, new: RunState
) -> None:
    run = make(old)

    try:
        with transaction.atomic():
            Run.objects.filter(pk=run.pk).update(state=new)
    except IntegrityError as refused:
        assert f"a {old} run cannot become {new}" in str(refused)
        moved = False
    else:
        moved = True

    assert moved is (new in RUN_MOVES[old] or new == old)


@pytest.mark.django_db
def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IntegrityError, match="run_state_known"):
        Run.objects.create(workflow="tests.made", version=1, state="asleep")


@pytest.mark.django_db
def test_what_is_read_at_each_write_of_a_run_is_brief() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT sum(length(tgqual)) FROM pg_trigger
                    WHERE tgrelid = 'workflows_run'::regclass AND tgtype & 16 <> 0),
                   (SELECT array_agg(conname) FROM pg_constraint WHERE contype = 'c'
                    AND conrelid IN ('workflows_run'::regclass, 'workflows_history'::regclass))
            """
        )
        bytes_of_conditions, checks = cursor.fetchone()

    assert bytes_of_conditions < 6_000
    assert checks == ["run_state_known"]
