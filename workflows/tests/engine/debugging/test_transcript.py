"""What a developer reads who cannot stop: where code and history part, and what comes next."""

import pytest

from workflows.api import cancel, get_run, retry_now
from workflows.testing import drive_until_idle, send
from workflows.tests.engine.debugging.orders import debug, deployed, waiting_order

FILE = "workflows/tests/engine/debugging/orders.py"
pytestmark = pytest.mark.django_db


def test_each_operation_stands_beside_history() -> None:
    said = debug(waiting_order(), "--no-input")

    assert "of tests.debugged version 1" in said
    assert "position 1: now" in said and "this leaves no line" in said
    assert "position 2: step 'charge' (order_id=7, amount=17)" in said
    assert "attempt failed 'charge'" in said and "ConnectionError: away" in said
    assert "completed 'charge'" in said and 'result "ref-7"' in said and "took 0." in said
    assert "position 3: group" in said and "position 5, step 'ship': completed" in said
    assert "position 6: wait 'address' (timeout_seconds=3600.0)" in said
    assert "HISTORY ENDS HERE. Next: wait 'address', since " in said
    assert "the run is waiting, for address, due " in said
    assert f"[{FILE}:" in said
    assert said.endswith("nothing was run, nothing was written\n")


def test_where_the_code_leaves_history_both_sides_are_told() -> None:
    run = waiting_order()
    deployed["what"] = "another step"
    retry_now(run.id)
    drive_until_idle()

    said = debug(run, "--no-input")

    assert "THE CODE LEAVES HISTORY HERE" in said
    assert f"code:    step 'refund'  [{FILE}:" in said
    assert "history: step 'charge'" in said
    assert "give the changed workflow a new version" in said
    assert "the run is blocked" in said and "error: workflows.core.errors.ReplayMismatch" in said
    assert "position 3" not in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("another argument", "amount"),
        ("a mistake", "THE CODE RAISES KeyError: 'address'"),
        (
            "an early end",
            "code:    the end\n  history: wait 'address' (position 6)\n           began to wait",
        ),
    ],
)
def test_every_other_way_to_leave_history_is_told(change: str, told: str) -> None:
    run = waiting_order()
    deployed["what"] = change

    said = debug(run, "--no-input")

    assert told in said.partition("position 2")[2]


def test_a_transcript_may_end_at_a_position() -> None:
    said = debug(waiting_order(), "--no-input", "--until", "2")

    assert "position 2" in said
    assert "position 3" not in said and "HISTORY" not in said


def test_of_a_completed_run_the_result_is_compared() -> None:
    run = waiting_order()
    send(run, "address", {"city": "Ghent"})

    fits = debug(run, "--no-input")

    assert get_run(run.id).output == "ref-7 to Ghent"
    assert "THE CODE RETURNS 'ref-7 to Ghent'" in fits
    assert "the run is completed" in fits


def test_of_a_cancelled_run_the_end_is_told() -> None:
    run = waiting_order()
    cancel(run.id)

    assert "the run is cancelled" in debug(run, "--no-input")
