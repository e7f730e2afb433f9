"""What code sets in its context ends with it."""

import decimal
from decimal import Decimal

from django.utils import timezone, translation

from workflows.engine.session.own_context import call_apart


def spoil(precision: int) -> str:
    decimal.getcontext().prec = precision
    translation.activate("nl")
    timezone.activate("Europe/Brussels")
    return str(Decimal(1) / 3)


def test_language_time_zone_and_precision_end_with_the_call() -> None:
    before = (translation.get_language(), timezone.get_current_timezone_name())

    assert call_apart(spoil, precision=3) == "0.333"

    assert (translation.get_language(), timezone.get_current_timezone_name()) == before
    assert decimal.getcontext().prec == 28


def test_what_was_set_around_it_is_seen() -> None:
    with decimal.localcontext(prec=4):
        assert call_apart(lambda: str(Decimal(1) / 3)) == "0.3333"
