"""What operators see of limits, and set."""

from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.limit import Declared, Limit, LimitView, Rate
from workflows.definitions.limit import declared_limits, find_limit
from workflows.store import limits as store
from workflows.store.limits import Use


def list_limits() -> list[LimitView]:
    """Return the limits that the code here declares, by name, with what is in use of each."""
    settings, use = store.load_settings(), store.load_use()
    return [
        _view(each, settings.get(each.name), use.get(each.name, Use(0, 0)))
        for each in declared_limits()
    ]


def set_limit(
    name: str,
    most: int | None = None,
    *,
    times: int | None = None,
    per_seconds: float | None = None,
) -> LimitView:
    """Change a limit while runs go on, for all hosts: most for one of so many at once, times and
    per_seconds, both, for a rate; with none of them, what the code says holds again. Returns the limit.

    Raises InvalidInput where the code here declares no limit of the name, or one of the other kind.
    What holds a slot keeps it: a lower limit holds as soon as enough have ended.
    """
    declared = find_limit(name)
    if declared is None:
        known = ", ".join(each.name for each in declared_limits()) or "none is declared"
        raise InvalidInput(f"there is no limit {name!r:.80} ({known})")
    store.set_rule(name, _rule(declared, most, times, per_seconds))
    store.tell_waiters(name)
    store.wake_waiters()
    return next(each for each in list_limits() if each.name == name)


def _rule(
    declared: Declared, most: int | None, times: int | None, per_seconds: float | None
) -> Limit | Rate | None:
    is_rate = isinstance(declared.rule, Rate)
    try:
        match most, times, per_seconds:
            case None, None, None:
                return None
            case int(), None, None if not is_rate:
                return Limit(most)
            case None, int(), int() | float() if is_rate:
                return Rate(times, per_seconds)
    except DefinitionError as exc:
        raise InvalidInput(f"limit {declared.name!r}: {exc}") from None
    told = "times= and per_seconds=" if is_rate else "most="
    raise InvalidInput(f"limit {declared.name!r} is {declared.rule.words}; give {told}")


def _view(
    declared: Declared, numbers: tuple[int | None, int | None, float | None] | None, use: Use
) -> LimitView:
    rule, is_set = declared.rule, False
    most, times, per_seconds = numbers or (None, None, None)
    if isinstance(rule, Limit) and most is not None:
        rule, is_set = Limit(most, by=rule.by, name=rule.name), True
    elif isinstance(rule, Rate) and times is not None and per_seconds is not None:
        rule, is_set = Rate(times, per_seconds, by=rule.by, name=rule.name), True
    return LimitView(
        name=declared.name, rule=rule, is_set=is_set, taken=use.taken, waiting=use.waiting
    )
