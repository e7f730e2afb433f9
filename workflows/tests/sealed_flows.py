"""Workflows that keep something of every kind that is encrypted."""

from typing import Any
from uuid import UUID

from workflows.api import Context, Permanent, RetryPolicy, action, emit, step, workflow


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


@workflow("tests.sealed_teller")
def teller(run: Context, to: str, word: str, known: str | None = None) -> str:
    """Send an event to another run."""
    run.send_event(UUID(to), "go", word, key=known)
    return word


def unbook(output: str, word: str) -> None:
    """Undo book."""


@step(compensate=unbook)
def book(word: str) -> str:
    """Be undone when the run fails."""
    return word


@workflow(
    "tests.sealed_tries",
    retry=RetryPolicy(attempts=3, first_delay_seconds=0),
    on_failure="compensate",
)
def tries(run: Context, word: str, books: bool = False) -> list[Any]:
    """Fail once, with a step to undo or without."""
    heard = run.data.get("heard")
    run.data["heard"] = word
    if heard is None:
        if books:
            run.step(book, word)
        raise OSError(f"no {word}")
    return [heard, word, run.baggage, run.wait_event("go")]


@step
def say(word: str) -> None:
    """Emit it twice."""
    emit(word)
    emit({"word": word})


@workflow("tests.sealed_speaker")
def speaker(run: Context, word: str, rounds: int = 1) -> None:
    """Emit, in runs of one chain."""
    run.step(say, word)
    if rounds:
        run.continue_as_new(word=word, rounds=rounds - 1)


@workflow("tests.sealed_keeper")
def keeper(run: Context, word: str, hops: int = 1) -> Any:
    """Hand an open child on to the next run of the chain, which hears its end."""
    if hops:
        run.start_child(story, word=word)
        run.continue_as_new(word=word, hops=0, keep_children=True)
    [child] = run.children()
    return child.result()


@workflow("tests.sealed_undone", on_failure="compensate")
def undone(run: Context, word: str) -> None:
    """Fail, with a step undone."""
    run.step(book, word)
    raise Permanent(f"no {word}")


@workflow("tests.sealed_family")
def family(run: Context, word: str) -> None:
    """Fail of a child that has undone its steps."""
    run.start_child(undone, word=word).result()
