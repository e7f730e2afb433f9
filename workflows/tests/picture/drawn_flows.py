"""Workflows that the tests of pictures read; none of them runs."""

from typing import Any

from workflows.api import Context, RetryPolicy, StepFailed, step, workflow

NAMES = ["yes", "no"]


@step
def unpack(output: object) -> None: ...


@step(compensate=unpack)
def pack(what: str = "") -> str:
    return what


@step(retry=RetryPolicy(attempts=1))
def weigh(what: str = "") -> float:
    return 1.0


@step
def post(*given: object) -> None: ...


@workflow("tests.drawn_child")
def child(run: Context) -> str:
    return run.step(pack)


def sent(run: Context, what: str) -> str:
    """A helper that returns early."""
    if what == "letter":
        return run.step(pack, what)
    run.step(weigh, what)
    return "parcel"


@workflow("tests.drawn_parcel")
def parcel(run: Context, what: str) -> str:
    run.set_status("Packing")
    run.on_end(unpack, None)
    answer = run.wait_event(NAMES, timeout_seconds=60)
    if answer is None:
        return "nobody answered"
    try:
        told = sent(run, what)
    except StepFailed:
        run.sleep(3600)
        raise ValueError("no") from None
    for each in told:
        if each == "x":
            break
        run.step(post, each)
    return told


@workflow("tests.drawn_groups")
def groups(run: Context) -> None:
    run.gather(run.call(pack), *[run.call(weigh, each) for each in "abc"])
    calls = {"a": run.call(pack), "b": run.call(weigh, run.output("a"))}
    calls["c"] = run.call.using(after=["a", "b"])(post)
    run.graph(calls)
    run.map([run.child(child) for _ in range(3)])
    handle = run.start_child.using(detached=False)(child)
    handle.result()
    run.wait_any(event="stop", child=handle, seconds=5)


@workflow("tests.drawn_dynamic")
def dynamic(run: Context, kind: str) -> Any:
    todo: Any = {"a": pack, "b": weigh}
    run.step(todo[kind])
    run.step(pack if kind == "a" else weigh)
    chosen = weigh if kind == "b" else post
    run.step(chosen)
    go: Any = getattr(run, "step")  # noqa: B009
    go(pack)
    list(map(lambda each: run.step(pack, each), "abc"))  # noqa: C417
    run.wait_event(kind)
    run.on_update("add", lambda value: value)

    def local(value: str) -> str:
        return run.step(pack, value)

    match kind:
        case "a" if weighed := run.step(weigh):
            local(str(weighed))
        case "b":
            run.continue_as_new(kind="c")
        case _:
            while True:
                run.step(post)
                if run.step(weigh) > 3:
                    return kind
    return kind and run.step(pack)
