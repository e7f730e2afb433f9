"""The examples of docs/starting-runs.md do what the page says."""

import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from django.test import RequestFactory

from workflows.api import get_run, list_runs, start
from workflows.testing import advance, drive_until_idle

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "starting-runs.md"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    module = ModuleType("starting_runs_page")
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S):
        exec(compile(block, str(PAGE), "exec"), module.__dict__)
    return module


def test_what_is_billed_tomorrow_is_billed_tomorrow(page: ModuleType) -> None:
    page.bill_tomorrow("ann")
    drive_until_idle()
    [run] = list_runs(workflow=page.bill)

    advance(seconds=timedelta(days=1).total_seconds())

    assert (run.owner, run.tags, run.subject) == ("ann", ("billing", "march"), "customer:ann")
    assert run.output is None
    assert get_run(run.id).output == "ann owes 9.90 by 2026-03-31"


def test_a_bill_by_form_is_billed(page: ModuleType) -> None:
    run_id = page.bill_by_form('{"customer": "ann", "due": "2026-03-31", "amounts": ["9.90", "1"]}')
    drive_until_idle()

    assert get_run(run_id).output == "ann owes 10.90 by 2026-03-31"


def test_the_bills_of_a_customer_are_found_and_mended(page: ModuleType) -> None:
    page.bill_tomorrow("ann")

    assert [run.owner for run in page.all_bills_of("ann")] == ["ann"]
    assert (page.mend(dry_run=True), page.mend(dry_run=False)) == (0, 0)


def test_all_are_billed_once(page: ModuleType) -> None:
    assert page.bill_all(["ann", "bob"]) == page.bill_all(["bob", "ann"]) == 2
    assert len(list_runs(workflow=page.bill, owner="finance")) == 2


def test_a_bill_is_waited_for(page: ModuleType) -> None:
    assert page.bill_now("ann") == "ann owes 9.90 by 2026-03-31"


def test_a_letter_is_told_as_it_is_written_and_a_browser_that_comes_back_gets_the_rest(
    page: ModuleType, rf: RequestFactory
) -> None:
    run = start(page.letter, "Ann")

    events = list(page.letter_events(rf.get("/"), str(run.id)).streaming_content)

    assert [event.split(b"data: ")[1] for event in events[:2]] == [
        b'{"text": "Dear", "anew": true}\n\n',
        b'{"text": "Ann,", "anew": false}\n\n',
    ]
    assert events[-1].startswith(b"event: end")
    last = events[2].split(b"\n")[0].removeprefix(b"id: ").decode()
    again = page.letter_events(rf.get("/", headers={"Last-Event-ID": last}), str(run.id))
    assert list(again.streaming_content) == events[3:]


def test_who_bills_twice_bills_once(page: ModuleType) -> None:
    assert page.bill_once("ann") == page.bill_once("ann")
    assert page.charge_key("order-7", 990, 2).startswith("425e8058")


def test_a_basket_is_one_and_shipping_too(page: ModuleType) -> None:
    assert page.put("ann", "tea") == page.put("ann", "cup") != page.put("bob", "tea")
    assert [page.ship("order 7"), page.ship("order 7"), page.ship("order 8")] == [True, False, True]
