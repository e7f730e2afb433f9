"""Steps seen under way, in SQL: with the time of their begin, and in words."""

from datetime import timedelta
from typing import Any

import pytest

from workflows.core.codec import loads
from workflows.core.running_steps import StepSeen, as_json, read_steps
from workflows.store.database import query
from workflows.store.statement import NOW, Statement
from workflows.store.steps_seen import sql_shown, sql_steps, sql_steps_shown, sql_words

pytestmark = pytest.mark.django_db
_STEPS = Statement(f"SELECT ({sql_steps('%(told)s::jsonb')})::text, {NOW}")
_WORDS = Statement(
    f"WITH told AS (SELECT %(told)s::jsonb AS steps) SELECT {sql_words('steps', worker='0')} FROM told"
)
_SHOWN = Statement(
    f"""
    WITH row AS (
        SELECT {sql_shown(attempt="3", steps="%(told)s::jsonb")} AS shown)
    SELECT ({sql_steps_shown("shown", attempt="%(attempt)s::integer")})::text FROM row
    """
)


def seen(name: str, **given: Any) -> StepSeen:
    told: dict[str, Any] = {"attempt": 2, "undo": False, "age_seconds": 60.0, "overran": None}
    return StepSeen(name=name, position=1, host="here", pid=7, **told | given)


def test_a_step_has_begun_as_long_ago_as_it_is_old() -> None:
    [(text, now)] = query(_STEPS, {"told": as_json([seen("pack")])})

    [step] = read_steps(loads(text))
    assert timedelta(seconds=59) < now - step.since < timedelta(seconds=61)
    assert (step.name, step.position, step.attempt, step.pid) == ("pack", 1, 2, 7)


def test_no_step_is_null() -> None:
    [(text, _)] = query(_STEPS, {"told": "[]"})

    assert text is None


def test_steps_are_put_into_words() -> None:
    [(made, _)] = query(_STEPS, {"told": as_json([seen("it's"), seen("unpack", undo=True)])})

    [[words]] = query(_WORDS, {"told": made})

    first, second = words.split(" and ")
    assert first.startswith(", in step 'it''s' (position 1, attempt 2, begun 20")
    assert second.startswith("compensation 'unpack' (position 1, attempt 2, begun 20")
    assert second.endswith(" UTC on host here, pid 7)")


def test_nobody_s_words_are_none() -> None:
    assert query(_WORDS, {"told": None}) == [("",)]


@pytest.mark.parametrize(("attempt", "found"), [(3, '[{"name": "pack"}]'), (4, None)])
def test_what_a_row_shows_is_of_one_attempt(attempt: int, found: str | None) -> None:
    params = {"told": '[{"name": "pack"}]', "attempt": attempt}

    assert query(_SHOWN, params) == [(found,)]
