"""Workflows that keep something of every kind that is encrypted."""

from typing import Any

from workflows.api import Context, Permanent, action, step, workflow


@step
def tell(word: str) -> str:
    """Say it back."""
    return f"told {word}"


@step
def tidy(word: str) -> str:
    """Be called at the end."""
    return word


@step
def break_once(word: str) -> str:
    """Fail, as long as it is told to."""
    if broken:
        raise Permanent(f"no {word}")
    return word


broken: list[str] = []


@action("tests_tell_secret")
def tell_secret(word: str) -> str:
    """Says it back."""
    return word


@workflow("tests.sealed_story")
def story(run: Context, word: str, last: str = "") -> list[Any]:
    """Steps, and an event between."""
    run.data["heard"] = word
    run.on_end(tidy, word)
    first = run.step(tell, word)
    event = run.wait_event("go")
    return [first, event, run.step(tell, last or word), run.baggage]


@workflow("tests.sealed_hop")
def hop(run: Context, word: str, hops: int = 1) -> list[Any]:
    """Go on as another, keep what was kept, then have a step."""
    run.data["heard"] = word
    if hops:
        run.continue_as_new(word=word, hops=0)
    told = run.step(tell, word)
    run.wait_event("go")
    return [told, run.data["heard"]]


@workflow("tests.sealed_child")
def child(run: Context, word: str) -> str:
    """Fail once."""
    return run.step(break_once, word) + str(run.baggage["who"])


@workflow("tests.sealed_parent")
def parent(run: Context, word: str) -> str:
    """Have a child."""
    told = run.start_child(child, word=word).result()
    run.wait_event("go")
    return told


@workflow("tests.sealed_answers")
def answers(run: Context, word: str) -> str:
    """Answer updates."""

    def check(asked: str) -> None:
        if asked == "bad":
            raise ValueError(f"not {word}")

    def add(asked: str) -> str:
        if asked == "worse":
            raise Permanent(f"never {word}")
        return f"{word} {run.step(tell, asked)}"

    run.on_update("add", add, validate=check)
    run.wait_event("go")
    return word
