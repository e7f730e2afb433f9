"""Spans of time as people write them, and the rules of the setting."""

from typing import Any

import pytest

from workflows.core.retention import Rule, find_rule, hashable, keep_all_for, read_rules, seconds_of

DAY = 86_400


@pytest.mark.parametrize(
    ("span", "seconds"), [("30d", 30 * DAY), ("12h", 43_200), ("90m", 5400), ("45s", 45)]
)
def test_a_span_is_a_number_and_a_unit(span: str, seconds: int) -> None:
    assert seconds_of(span) == seconds


@pytest.mark.parametrize("span", ["", "30", "d", "0d", "-1d", "1.5h", "30 d", "1w", 30, None, True])
def test_anything_else_is_refused_with_what_to_write(span: Any) -> None:
    with pytest.raises(ValueError, match='is no span of time; write "30d"'):
        seconds_of(span)


def test_a_workflow_with_one_span_keeps_every_end_for_so_long() -> None:
    rules = read_rules(hashable({"shop.order": "1d"}))

    assert {rule.state for rule in rules} == {"cancelled", "compensated", "completed", "failed"}
    assert {(rule.workflow, rule.seconds) for rule in rules} == {("shop.order", DAY)}


def test_what_a_workflow_does_not_name_is_as_for_any_other() -> None:
    rules = read_rules(hashable({"*": "90d", "shop.order": {"completed": "1d", "failed": None}}))

    assert find_rule(rules, "shop.order", "completed") == Rule("shop.order", "completed", DAY)
    assert find_rule(rules, "shop.order", "failed") == Rule("shop.order", "failed", None)
    assert find_rule(rules, "shop.order", "cancelled") == Rule("*", "cancelled", 90 * DAY)
    assert find_rule(rules, "shop.letter", "failed") == Rule("*", "failed", 90 * DAY)


def test_without_a_rule_a_run_is_kept() -> None:
    assert find_rule(read_rules(hashable({"shop.order": "1d"})), "shop.letter", "failed") is None
    assert read_rules(hashable({})) == ()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("30d", "is no dictionary"),
        ([("*", "30d")], "is no dictionary"),
        ({"*": 30}, "is no span of time"),
        ({"*": {"complete": "30d"}}, "no run ends as 'complete'; the ends are cancelled, comp"),
        ({"*": {"running": "30d"}}, "no run ends as 'running'"),
        ({5: "30d"}, "5 is no workflow's name"),
    ],
)
def test_a_wrong_setting_is_told(setting: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_rules(hashable(setting))


def test_one_span_for_every_run() -> None:
    rules = keep_all_for(5)

    assert find_rule(rules, "shop.order", "failed") == Rule("*", "failed", 5)
    assert len(rules) == 4
