"""A run is used by its own code, in its thread, while it runs."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest

from workflows.api import Context, RunState, get_run, replay_open_runs, retry_now, step, workflow
from workflows.engine.session.code_thread import CodeThread, refuse_event_loop
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import greet, notes

pytestmark = pytest.mark.django_db
code: dict[str, Callable[[Context], Any]] = {}
kept: list[Context] = []


@workflow("tests.code_thread")
def using(run: Context) -> Any:
    return code["body"](run)


@workflow("tests.code_thread.keep")
def keeping(run: Context, waits: bool) -> None:
    kept.append(run)
    if waits:
        run.wait_event("go")


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    code.clear()
    kept.clear()


def in_a_pool(run: Context) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda name: run.step(greet, name), ["Ann", "Bob"]))


def in_a_thread_that_nobody_asks(run: Context) -> str:
    thread = Thread(target=lambda: run.data.update(a=1))
    thread.start()
    thread.join()
    return "done"


def in_async_code(run: Context) -> str:
    async def main() -> str:
        return run.step(greet, "Ann")

    return asyncio.run(main())


def in_a_loop_of_waits(run: Context) -> str:
    async def main() -> None:
        run.sleep(60)

    asyncio.run(main())
    return "done"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (in_a_pool, "in a thread of its own"),
        (in_a_thread_that_nobody_asks, "in a thread of its own"),
        (in_async_code, "inside an event loop"),
        (in_a_loop_of_waits, "inside an event loop"),
    ],
)
def test_elsewhere_it_is_refused_before_anything_happens(body: Any, words: str) -> None:
    code["body"] = body
    run = driven(using)

    assert run.state == RunState.BLOCKED
    assert words in (run.error or {})["message"]
    assert notes.done == []
    assert words in replay_open_runs()[0].why

    code["body"] = lambda run: run.step(greet, "Ann")
    retry_now(run.id)
    drive_until_idle()
    assert get_run(run.id).output == "Hello, Ann"


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        lambda run: kept[0].step(greet, "Ann"),
        lambda run: kept[0].data.update(a=1),
        lambda run: kept[0].idempotency_key,
        lambda run: kept[0].wait_event("go"),
    ],
)
def test_a_run_that_was_kept_is_refused_in_another(body: Any, waits: bool) -> None:
    other = driven(keeping, waits=waits)
    code["body"] = body

    run = driven(using)

    assert run.state == RunState.BLOCKED, run.error
    assert "never keep a run in a global" in (run.error or {})["message"]
    assert notes.done == []
    assert get_run(other.id).state == (RunState.WAITING if waits else RunState.COMPLETED)


@pytest.mark.parametrize("use", ["data", "attributes", "idempotency_key", "now", "continue_as_new"])
def test_a_step_does_not_use_the_run(use: str) -> None:
    def body(run: Context) -> Any:
        @step
        def work() -> None:
            found = getattr(run, use)
            if callable(found):
                found()

        return run.step(work)

    code["body"] = body
    run = driven(using)

    assert run.state == RunState.FAILED
    told = "current_step().idempotency_key" if use == "idempotency_key" else "a step cannot use the"
    assert told in (run.error or {})["message"]


def test_here_nothing_is_wrong() -> None:
    thread = CodeThread()
    with thread.here():
        assert thread.is_running
        assert thread.fault() is None
    assert not thread.is_running
    refuse_event_loop()


def test_who_lets_django_be_unsafe_may(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        refuse_event_loop()

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    asyncio.run(main())
