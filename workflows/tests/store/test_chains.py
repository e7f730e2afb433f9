"""The newest run of a chain, by the id of any of them."""

from uuid import uuid4

import pytest

from workflows.models import Run
from workflows.store.chains import are_one, newest_of
from workflows.tests.builders import driven
from workflows.tests.flows import wait_for_go
from workflows.tests.old_runs import chain

pytestmark = pytest.mark.django_db


def test_every_run_of_a_chain_leads_to_its_newest() -> None:
    first = driven(chain, hops=4, waits=True)
    newest = Run.objects.get(chain_id=first.id, continued_as=None)

    members = Run.objects.filter(workflow="tests.chain").values_list("id", flat=True)

    assert len(members) == 4
    assert {newest_of(each) for each in members} == {newest.id}


def test_a_run_that_goes_on_as_no_other_is_its_own_newest() -> None:
    run = driven(wait_for_go)
    unknown = uuid4()

    assert newest_of(run.id) == run.id
    assert newest_of(unknown) == unknown


def test_runs_of_one_chain_are_one_and_others_are_not() -> None:
    first, other = driven(chain, hops=3, waits=True), driven(wait_for_go)
    newest = newest_of(first.id)

    assert are_one(first.id, newest)
    assert are_one(newest, newest)
    assert not are_one(newest, other.id)
