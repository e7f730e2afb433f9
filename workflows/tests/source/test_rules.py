"""What workflow code must not do: names that stand for something, and what they catch."""

import pytest

from workflows import api
from workflows.definitions.workflow_guard import guarding
from workflows.source.meanings import meaning_of
from workflows.source.rules import RULES, broken_by

PAST_ITS_RUN = [
    *(api.start, api.send_event, api.cancel, api.compensate, api.retry_now, api.execute_action),
    *(api.get_run, api.get_history, api.list_runs, api.list_steps),
]


@pytest.mark.parametrize("verb", PAST_ITS_RUN)
def test_every_verb_of_the_front_door_that_a_run_has_no_use_for_is_known(verb: object) -> None:
    rule = broken_by(meaning_of(verb).names, "", is_called=True)

    assert rule is not None
    assert rule.id == "workflows.W014"


def test_what_the_guard_refuses_at_run_time_is_found_before() -> None:
    with guarding(lambda error: error), pytest.raises(api.DefinitionError):
        api.send_event("0", "go")

    assert broken_by(meaning_of(api.send_event).names, "", is_called=True)


def test_a_name_that_ends_with_a_dot_stands_for_calls_below_it_only() -> None:
    assert broken_by(("random.choice",), "", is_called=True)
    assert broken_by(("random.choice",), "", is_called=False) is None


def test_any_reading_of_a_value_counts() -> None:
    assert broken_by(("django.conf.settings.TAX",), "TAX", is_called=False)


def test_a_method_counts_whatever_it_is_called_on() -> None:
    assert broken_by((), "save", is_called=True)
    assert broken_by((), "save", is_called=False) is None
    assert broken_by((), "objects", is_called=False)


def test_every_rule_has_an_id_of_its_own() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
