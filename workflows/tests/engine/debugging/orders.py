"""A workflow with most kinds of operations, whose code can be changed, and its debugging."""

from io import StringIO
from typing import Any

from django.core.management import call_command

from workflows.api import Context, RetryPolicy, RunView, get_run, step, workflow
from workflows.testing import advance
from workflows.tests.builders import driven
from workflows.tests.flows import notes

AS_IT_WAS = "as it was"
deployed = {"what": AS_IT_WAS}
"""What has been changed in the code since the run began."""


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=600, jitter=0))
def charge(order_id: int, amount: int) -> str:
    """Fail at first."""
    notes.note("charge")
    if notes.count("charge") == 1:
        raise ConnectionError("away")
    return f"ref-{order_id}"


@step
async def ship(reference: str) -> str:
    """An async one."""
    notes.note("ship")
    return f"shipped {reference}"


@step
def refund(order_id: int) -> None:
    """Of the changed code."""
    notes.note("refund")


@workflow("tests.debugged")
def order(run: Context, order_id: int) -> str:
    """Most kinds of operations."""
    run.data = {"order": order_id}
    amount = 10 + order_id
    run.now()
    if deployed["what"] == "another step":
        run.step(refund, order_id)
    amount += 1 if deployed["what"] == "another argument" else 0
    reference = run.step(charge, order_id, amount=amount)
    if deployed["what"] == "a mistake":
        raise KeyError("address")
    run.gather(run.call(ship, reference), run.call(ship, reference))
    if deployed["what"] == "an early end":
        return reference
    address = run.wait_event("address", timeout_seconds=3600)
    return f"{reference} to {address['city']}" if address else "abandoned"


def waiting_order() -> RunView:
    """Return a run that waits for its address, of the code as it was."""
    deployed["what"] = AS_IT_WAS
    run = driven(order, order_id=7)
    advance(seconds=601)
    return get_run(run.id)


def debug(run: RunView | str, *arguments: str, typed: str | None = None) -> str:
    """Run the command; return what it said. typed: what is typed at its prompt."""
    out = StringIO()
    options: dict[str, Any] = {} if typed is None else {"stdin": StringIO(typed)}
    named = run if isinstance(run, str) else str(run.id)
    call_command("workflows_debug", named, *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()
