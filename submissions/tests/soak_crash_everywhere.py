"""Every way a submission can go, with a worker killed at every single place: nothing differs.

python3 run.py test submissions/tests/soak_crash_everywhere.py
"""

import pytest

from submissions.tests.rehearsed import rehearse
from submissions.tests.stories import STORIES

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", STORIES)
def test_a_worker_killed_at_every_place_changes_nothing(name: str) -> None:
    report = rehearse(name)

    assert report.boundaries > 1.5 * report.statements > 0
