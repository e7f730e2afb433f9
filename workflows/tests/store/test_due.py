"""What is due: statements for runs of a process's own alone, and for guests too."""

import pytest

from workflows.store.due import OWN, WITH_GUESTS
from workflows.store.guests import Guests
from workflows.store.queue import Code, claim_run, look_ahead
from workflows.tests.builders import connected, counted_statements

GUESTS = Guests(["gpu"], ["tests.made"], [1])


@pytest.mark.parametrize("guests", [None, GUESTS])
@pytest.mark.usefixtures("committed")
def test_guests_are_asked_for_where_their_pools_are_served_and_nowhere_else(
    guests: Guests | None,
) -> None:
    code = Code(["tests.made"], [1], guests)

    with counted_statements() as sent:
        claim_run(worker_id=None, lease_seconds=1, code=code)
        with connected() as own:
            look_ahead(own, limit=1, code=code)

    asked = [each for each in sent if "every_head" in each]
    assert len(asked) == 2
    assert all(("every_guest" in each) == (guests is not None) for each in asked)


def test_guests_come_in_addition() -> None:
    assert OWN.ctes in WITH_GUESTS.ctes
    assert "guest" not in OWN.ctes + OWN.heads + OWN.due + OWN.free
