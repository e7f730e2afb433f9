"""Rows of statistics: added to, and read."""

from datetime import UTC, datetime

import pytest

from workflows.core.figures import EPOCH, Counted, Figure, Grain, Place, Subject
from workflows.store.statistics import add_figures, load_ever

pytestmark = pytest.mark.django_db
STEP = Subject(Counted.STEP, "tests.greet", 1, "say")


def test_figures_are_added_bucket_by_bucket() -> None:
    place = Place(Grain.EVER, EPOCH, STEP)

    add_figures({place: Figure(1, 2.0, [1])})
    add_figures({place: Figure(2, 1.0, [0, 2, 3])})
    add_figures({Place(Grain.MINUTE, datetime.now(UTC), STEP): Figure(1)})

    assert load_ever() == {STEP: Figure(3, 3.0, [1, 2, 3])}


def test_nothing_is_no_statement() -> None:
    add_figures({})

    assert load_ever() == {}
