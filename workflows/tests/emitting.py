"""Workflows whose steps emit, for the tests of streams."""

import asyncio
from collections.abc import Callable
from typing import Any

from workflows.api import Context, RetryPolicy, Transient, current_step, emit, step, workflow
from workflows.tests.flows import NOW

hooks: dict[str, Callable[[], Any]] = {}
"""What a test wants done in the midst of a step, by the word that was just emitted."""


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=0, jitter=0))
def say(*words: str) -> int:
    """Emit each word."""
    for word in words:
        emit(word)
        hooks.get(word, bool)()
    return len(words)


@step(atomic=True, retry=NOW)
def say_atomically(word: str) -> None:
    """Emit in a transaction, which the first attempt loses."""
    emit(word)
    hooks.get(word, bool)()
    info = current_step()
    assert info is not None
    if info.attempt == 1:
        raise Transient("once more")


@step
async def say_later(*words: str) -> None:
    """Emit each word, with a pause behind it."""
    for word in words:
        emit(word)
        await asyncio.sleep(0)


@workflow("streams.saying")
def saying(run: Context, words: list[str]) -> int:
    return run.step(say, *words)


@workflow("streams.atomic")
def saying_atomically(run: Context, word: str) -> None:
    run.step(say_atomically, word)


@workflow("streams.later")
def saying_later(run: Context, words: list[str]) -> None:
    run.step(say_later, *words)


@workflow("streams.two")
def two_voices(run: Context) -> None:
    run.gather(run.call(say, "a", "b"), run.call(say, "c"))


@workflow("streams.rounds")
def rounds(run: Context, left: int) -> None:
    run.step(say, f"{left} left")
    if left:
        run.continue_as_new(left=left - 1)


@workflow("streams.patient")
def patient(run: Context) -> None:
    run.step(say, "before")
    run.wait_event("go")
    run.step(say, "behind")
