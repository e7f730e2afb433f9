"""Parents and children that several files of tests start."""

from workflows.api import Context, Permanent, WaitTimedOut, step, workflow
from workflows.tests.flows import ONCE, notes


@step(retry=ONCE)
def double(number: int) -> int:
    notes.note(f"double {number}")
    if number == 13:
        raise Permanent("unlucky")
    return number * 2


@workflow("tests.doubling")
def doubling(run: Context, number: int) -> int:
    return run.step(double, number)


@workflow("tests.waiting_child")
def waiting_child(run: Context) -> int:
    return int(run.wait_event("go"))


@workflow("tests.parent_that_waits")
def parent_that_waits(run: Context) -> int:
    child = run.start_child(waiting_child)
    try:
        return int(child.result(timeout_seconds=60))
    except WaitTimedOut:
        run.set_status("late")
        return int(child.result()) + 100


@workflow("tests.parent_that_fails")
def parent_that_fails(run: Context, detached: bool = False) -> None:
    run.start_child(waiting_child, detached=detached)
    raise ValueError("a mistake")


@workflow("tests.grandparent")
def grandparent(run: Context) -> int:
    return int(run.start_child(parent_that_waits).result())
