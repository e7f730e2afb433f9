"""How long runs are kept once they have ended: spans as people write them, and the rules made of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from workflows.core.states import FINAL_STATES, RunState

ANY_OTHER = "*"
"""In place of a workflow's name: every workflow for which nothing else is said."""

_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ENDS = sorted(state.value for state in FINAL_STATES)


class Rule(NamedTuple):
    """How long runs of a workflow are kept that have ended in this state."""

    workflow: str
    state: str
    seconds: int | None
    """From their end; None: for ever."""


class Pairs(tuple[tuple[Any, Any], ...]):
    """A dictionary of the settings as something that can be hashed: its pairs."""


def hashable(value: Any) -> Any:
    """Return the value, its dictionaries as Pairs."""
    if isinstance(value, dict):
        return Pairs((name, hashable(inner)) for name, inner in value.items())
    return value


def seconds_of(span: Any) -> int:
    """Return the seconds of "30d", "12h", "90m" or "45s". Raises ValueError."""
    found = _SPAN.fullmatch(span) if isinstance(span, str) else None
    if found is None:
        raise ValueError(f'{span!r:.80} is no span of time; write "30d", "12h", "90m" or "45s"')
    return int(found[1]) * _SECONDS[found[2]]


def read_rules(retention: Any) -> tuple[Rule, ...]:
    """Return the rules of the setting `retention`, given as `hashable` leaves it. Raises ValueError."""
    if not isinstance(retention, Pairs):
        raise ValueError(f"{retention!r:.80} is no dictionary from workflows to spans of time")
    return tuple(rule for workflow, spans in retention for rule in _rules_of(workflow, spans))


def keep_all_for(seconds: int) -> tuple[Rule, ...]:
    """Return the rules by which every run is kept for so long from its end."""
    return tuple(Rule(ANY_OTHER, state, seconds) for state in _ENDS)


def find_rule(rules: Sequence[Rule], workflow: str, state: str) -> Rule | None:
    """Return the rule for runs of this workflow that have ended so; None: they are kept."""
    found = {rule.workflow: rule for rule in rules if rule.state == state}
    return found.get(workflow) or found.get(ANY_OTHER)


def _rules_of(workflow: Any, spans: Any) -> Iterator[Rule]:
    if not isinstance(workflow, str):
        raise ValueError(f"{workflow!r:.80} is no workflow's name")
    if not isinstance(spans, Pairs):
        spans = Pairs((state, spans) for state in _ENDS)
    for state, span in spans:
        if state not in _ENDS:
            raise ValueError(f"no run ends as {state!r:.80}; the ends are {', '.join(_ENDS)}")
        seconds = None if span is None else seconds_of(span)
        yield Rule(workflow, RunState(state).value, seconds)
