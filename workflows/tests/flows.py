"""Workflows and steps for the engine's own tests. What steps do is noted in `Notes`."""

from dataclasses import dataclass, field

from workflows.api import Context, RetryPolicy, step, workflow

NOW = RetryPolicy(attempts=3, first_delay_seconds=0, jitter=0)
"""Tries again at once."""
ONCE = RetryPolicy(attempts=1)


@dataclass
class Notes:
    """What steps have really done, in this process."""

    done: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Remember a deed."""
        self.done.append(what)

    def count(self, what: str) -> int:
        """Say how often a deed was done."""
        return self.done.count(what)


notes = Notes()
"""Cleared before each test (conftest.py)."""


@step
def greet(name: str) -> str:
    """Note and say hello."""
    notes.note(f"greet {name}")
    return f"Hello, {name}"


@step(atomic=True)
def greet_atomically(name: str) -> str:
    """Note and say hello, in one transaction with its record."""
    notes.note(f"greet {name}")
    return f"Hello, {name}"


@workflow("tests.greet")
def greet_once(run: Context, name: str) -> str:
    """One step."""
    return run.step(greet, name)


@workflow("tests.greet_three")
def greet_three(run: Context) -> list[str]:
    """Three steps."""
    return [run.step(greet, name) for name in ("Alice", "Bob", "Charlie")]


@workflow("tests.wait")
def wait_for_go(run: Context, timeout_seconds: float | None = None) -> object:
    """One wait."""
    return run.wait_event("go", timeout_seconds=timeout_seconds)


@workflow("tests.wait_either")
def wait_for_either(run: Context, timeout_seconds: float | None = None) -> list[object]:
    """One wait for several events."""
    event = run.wait_event(("go", "stop"), timeout_seconds=timeout_seconds)
    return [] if event is None else [event.name, event.payload]


@workflow("tests.sleep")
def sleep_a_while(run: Context, seconds: float) -> str:
    """One sleep."""
    run.sleep(seconds)
    return "awake"


GPU = "tests_gpu"
"""A pool of its own."""


@workflow("tests.on_a_card", pool=GPU)
def on_a_card(run: Context, name: str) -> str:
    return run.step(greet, name)


@workflow("tests.card_parent")
def with_a_card(run: Context, name: str) -> str:
    return run.start_child(on_a_card, name=name).result()


@step(pool=GPU, retry=NOW)
def draw(name: str) -> str:
    """Note, where the cards are."""
    notes.note(f"draw {name}")
    return f"{name}, drawn"


@workflow("tests.drawn")
def drawn(run: Context, name: str) -> list[str]:
    """A step of another pool between two of its own."""
    return [run.step(greet, name), run.step(draw, name), run.step(greet, "all")]
