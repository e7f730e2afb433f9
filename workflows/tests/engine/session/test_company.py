"""Who is driven beside whom: a run that was lost in company gets less and less of it."""

import threading
from uuid import UUID, uuid4

import pytest

from workflows.engine.session.company import LEAST_PATIENCE_SECONDS, Company, patience

SLOTS = 10


def entered(company: Company, times: int) -> int:
    """Let so many claims begin; return how many might."""
    return sum(company.enter() for _ in range(times))


def admit(company: Company, run: UUID, losses: int, *, seconds: float = 0) -> bool:
    return company.admits(run, losses, seconds, lambda: False)


def test_without_losses_nobody_is_kept_out() -> None:
    assert entered(Company(SLOTS), 2 * SLOTS) == 2 * SLOTS


@pytest.mark.parametrize(("losses", "others"), [(1, 1), (2, 0), (30, 0)])
def test_each_loss_leaves_fewer_others(losses: int, others: int) -> None:
    company, run = Company(SLOTS), uuid4()
    company.enter()

    assert admit(company, run, losses)

    assert entered(company, SLOTS) == others
    company.forget(run)
    assert company.enter()


def test_hundreds_that_were_killed_from_outside_come_back_a_quarter_at_a_time() -> None:
    company = Company(400)
    entered(company, 400)

    admitted = [admit(company, uuid4(), 1) for _ in range(400)]

    # Those that wait are nobody's company, so each admission waits for those that still drive.
    assert not any(admitted)
    for _ in range(301):
        company.leave()
    assert admit(company, uuid4(), 1)


def test_who_is_driven_already_is_waited_for() -> None:
    company, run, admitted = Company(SLOTS), uuid4(), []
    entered(company, 2)
    waits = threading.Thread(target=lambda: admitted.append(admit(company, run, 5, seconds=60)))
    waits.start()
    while not company._limits:
        pass

    kept_out = not company.enter()
    company.leave()
    waits.join(60)

    assert kept_out
    assert admitted == [True]


def test_who_waits_too_long_or_for_a_worker_that_stops_is_left_to_others() -> None:
    company = Company(SLOTS)
    entered(company, 2)

    too_long = admit(company, uuid4(), 5)
    stops = company.admits(uuid4(), 5, 60, lambda: True)

    assert (too_long, stops) == (False, False)
    assert company.enter(), "it keeps nobody out any more"


def test_the_longer_a_run_has_waited_the_longer_it_may_wait_for_room() -> None:
    assert patience(0) == LEAST_PATIENCE_SECONDS
    assert patience(3600) == 900


def test_who_has_waited_in_vain_keeps_nobody_out_when_it_comes_again() -> None:
    company, run, admitted = Company(SLOTS), uuid4(), []
    entered(company, 2)
    assert not admit(company, run, 5, seconds=0.2)
    driving = company._driving
    again = threading.Thread(target=lambda: admitted.append(admit(company, run, 5, seconds=60)))
    again.start()
    while company._driving == driving:
        pass

    assert company.enter(), "claims go on beside it"

    for _ in range(2):
        company.leave()
    again.join(60)
    assert admitted == [True], "it is driven as soon as there is room"
