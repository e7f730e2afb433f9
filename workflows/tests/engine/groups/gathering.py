"""Workflows that gather, and ways to hold their branches up, for the tests of gather."""

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from workflows.api import (
    Context,
    Permanent,
    RetryPolicy,
    StepFailed,
    current_step,
    step,
    workflow,
)
from workflows.tests.builders import (
    PATIENCE_SECONDS,
)
from workflows.tests.flows import NOW, ONCE, notes

in_threads = pytest.mark.usefixtures("committed")
together = threading.Barrier(2)
PAUSE = threading.Event()
hooks: dict[str, Callable[[], Any]] = {}
"""What a test wants done in the middle of a step, by the step's argument."""
async_hooks: dict[str, Callable[[], Awaitable[Any]]] = {}
"""What it wants awaited there."""


async def nothing() -> None: ...


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=10, jitter=0))
def work(name: str) -> str:
    notes.note(name)
    hooks.get(name, str)()
    return name.upper()


def undo_work(output: str, name: str) -> None:
    notes.note(f"undo {output}")


@step(retry=ONCE, compensate=undo_work)
def work_once(name: str) -> str:
    notes.note(name)
    hooks.get(name, str)()
    if name.startswith("bad"):
        raise Permanent(f"{name} cannot")
    return name.upper()


@step(atomic=True, retry=NOW)
def make_group(name: str) -> str:
    Group.objects.create(name=name)
    hooks.get(name, str)()
    return name


@step(retry=ONCE, timeout_seconds=0.1)
def hang() -> None:
    hooks["hang"]()


@workflow("tests.gather")
def gathering(run: Context, names: list[str], limit: Any = 8) -> list[str]:
    return run.gather(*[run.call(work, name) for name in names], limit=limit)


@workflow("tests.gather_once")
def gathering_once(run: Context, names: list[str], on_error: str = "stop") -> list[str]:
    calls = [run.call(work_once, name) for name in names]
    try:
        found = run.gather(*calls, limit=1, on_error=on_error)  # type: ignore[call-overload]
    except StepFailed as failed:
        return [failed.message, run.now().isoformat(), run.step(work, "afterwards")]
    return [str(each) for each in found]


@workflow("tests.gather_undone", on_failure="compensate")
def gathering_undone(run: Context, names: list[str]) -> None:
    run.step(work_once, "first")
    run.gather(*[run.call(work_once, name) for name in names], limit=1)


@workflow("tests.gather_after_a_step")
def gathering_after_a_step(run: Context, names: list[str]) -> str:
    run.step(work_once, "first")
    try:
        run.gather(*[run.call(work_once, name) for name in names], on_error="compensate")
    except StepFailed as failed:
        return failed.message
    return "never"


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=500, jitter=0))
def fail_patiently() -> None:
    raise ValueError("not yet")


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=100, jitter=0))
def fail_impatiently() -> None:
    raise ValueError("not yet")


@workflow("tests.gather_patiently")
def gathering_patiently(run: Context) -> None:
    run.gather(run.call(fail_patiently), run.call(fail_impatiently))


@workflow("tests.gather_and_tell_the_time")
def gathering_and_telling_the_time(run: Context, names: list[str]) -> None:
    run.gather(*[run.call(work_once, name) for name in names], on_error="continue")
    notes.note(run.now().isoformat())
    run.sleep(1)


@step
def say(what: Any) -> Any:
    return what


@workflow("tests.gather_anything")
def gathering_anything(run: Context, values: list[Any]) -> list[Any]:
    return run.gather(*[run.call(say, value) for value in values])


@workflow("tests.gather_in_time", deadline_seconds=60)
def gathering_in_time(run: Context, names: list[str], limit: int) -> list[str]:
    return run.gather(*[run.call(work, name) for name in names], limit=limit)


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=0, jitter=0))
def refund(output: str, *, name: str) -> None:
    notes.note(f"refund {output} to {name}")
    if name == "nobody":
        raise ValueError("no account")
    if name == "a ghost":
        raise Permanent("no account ever")


@step(retry=ONCE, compensate=refund)
def pay(*, name: str) -> str:
    return name.upper()


@workflow("tests.gather_and_undo_at_once")
def gathering_and_undoing(run: Context, names: list[str]) -> None:
    calls = [run.call(pay, name=name) for name in names]
    try:
        run.gather(*calls, run.call(work_once, "bad"), limit=1, on_error="compensate")
    except StepFailed as failed:
        notes.note(f"{failed.step} {failed.message} {failed.attempts} {failed.permanent}")
        notes.note(run.now().isoformat())
    run.sleep(1)


@workflow("tests.gather_undone_twice", on_failure="compensate")
def gathering_undone_twice(run: Context, name: str) -> None:
    run.gather(run.call(pay, name=name), run.call(work_once, "bad"), limit=1, on_error="compensate")


@workflow("tests.gather_wrongly")
def gathering_wrongly(run: Context, what: str) -> None:
    call: Any = run.call(work, "a")
    if what == "no call":
        run.gather(call, work)  # type: ignore[call-overload]
    if what == "on_error":
        run.gather(call, on_error="ignore")  # type: ignore[call-overload]
    if what == "annotation":
        run.gather(call, run.call(annotate_wrongly))


@step
def annotate_wrongly() -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
    notes.note("ran all the same")


@workflow("tests.gather_groups")
def gathering_groups(run: Context, names: list[str]) -> list[str]:
    return run.gather(*[run.call(make_group, name) for name in names])


@workflow("tests.gather_groups_and_work")
def gathering_groups_and_work(run: Context, group: str, name: str) -> list[str]:
    return list(run.gather(run.call(make_group, group), run.call(work, name)))


@workflow("tests.gather_hang")
def gathering_hang(run: Context) -> str:
    run.gather(run.call(hang), run.call(work, "a"), on_error="continue")
    return "went on"


def meet() -> object:
    return together.wait(PATIENCE_SECONDS)


def branch_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("branch thread")]


def fail_at_first() -> None:
    info = current_step()
    if info is not None and info.attempt == 1:
        raise ValueError("not yet")


@step(retry=ONCE)
def count_rows(name: str) -> int:
    return Group.objects.filter(name=name).count()


@workflow("tests.reading_together")
def reading_together(run: Context, names: list[str]) -> list[int]:
    return run.gather(*[run.call(count_rows, name) for name in names], limit=2)


class Killed(KeyboardInterrupt):
    """The worker dies here. No step may count it as an error of its own."""


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=10, jitter=0))
async def await_work(name: str) -> str:
    notes.note(name)
    await async_hooks.get(name, nothing)()
    return name.upper()


@workflow("tests.gather_async")
def gathering_async(run: Context, names: list[str], limit: int = 500) -> list[str]:
    return run.gather(*[run.call(await_work, name) for name in names], limit=limit)


@workflow("tests.gather_async_and_plain")
def gathering_async_and_plain(run: Context) -> list[str]:
    found = run.graph(
        {
            "a": run.call(await_work, "a"),
            "b": run.call(work, "b"),
            "c": run.call.using(after=["a", "b"])(await_work, "c"),
        }
    )
    return [found["a"], found["b"], found["c"]]
