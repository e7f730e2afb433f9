"""Every way a submission can go, with a worker killed at places all over it: nothing differs.

soak_crash_everywhere.py tries every place.
"""

import pytest

from submissions.tests.rehearsed import rehearse
from submissions.tests.stories import STORIES

pytestmark = pytest.mark.django_db
PLACES = 10


@pytest.mark.parametrize("name", STORIES)
def test_a_worker_killed_anywhere_changes_nothing(name: str) -> None:
    report = rehearse(name, at_most=PLACES)

    assert 0 < report.boundaries <= PLACES


def test_a_second_worker_killed_while_it_recovers_changes_nothing() -> None:
    report = rehearse("released_with_a_letter_of_its_own", pairs=8, at_most=PLACES)

    assert report.pairs == 8
