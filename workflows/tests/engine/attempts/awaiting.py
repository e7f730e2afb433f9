"""Workflows of async steps, and ways to hold them up, for the tests of async steps."""

from collections.abc import Awaitable, Callable
from typing import Any

from workflows.api import Context, RetryPolicy, StepFailed, step, workflow
from workflows.tests.flows import ONCE, notes

hooks: dict[str, Callable[[], Awaitable[Any]]] = {}
"""What a test wants awaited in the middle of a step, by the step's argument."""


async def nothing() -> None: ...


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=10, jitter=0))
async def work(name: str) -> str:
    notes.note(name)
    await hooks.get(name, nothing)()
    return name.upper()


@workflow("tests.async_work")
def working(run: Context, name: str) -> list[str]:
    return [run.step(work, name), run.step(work, "again")]


@step(retry=ONCE, timeout_seconds=0.1)
async def hang() -> str:
    await hooks["hang"]()
    return "never"


@workflow("tests.async_hang")
def hanging(run: Context) -> str:
    try:
        return run.step(hang)
    except StepFailed as failed:
        return failed.message
