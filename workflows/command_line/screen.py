"""Where answers go: lines of JSON, plain text, or a terminal that `rich` draws on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Protocol, TextIO

from workflows.command_line.safe_text import printable
from workflows.command_line.shapes import Shape, as_json

drawn: ModuleType | None
try:
    from workflows.command_line import drawn
except ImportError:  # rich is an extra
    drawn = None

Row = Sequence[str]
SAY_EVERY = 200
"""Runs between two lines of progress, where no bar can be drawn."""


class Screen(Protocol):
    """What a deed says its answer to. Texts may hold anything: the screen makes them harmless."""

    def say(self, text: str) -> None:
        """Write a text, which may have several lines."""

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Write names and their values, those without a value left out."""

    def table(self, columns: Row, rows: Iterable[Row], *, title: str = "") -> None:
        """Write a table. A column named "state" may be coloured."""

    def bar(self, total: int, what: str) -> AbstractContextManager[Callable[[int], None]]:
        """Show how far something is: what is yielded is told how many are done."""


class PlainScreen:
    """Text without colours or lines, as a pipe or a file wants it."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, text: str) -> None:
        self._out.write(f"{printable(text, lines=True)}\n")

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        known = [(name, value) for name, value in facts if value]
        width = max((len(name) for name, _ in known), default=0)
        for name, value in known:
            self.say(f"{name:<{width}}  {value}")

    def table(self, columns: Row, rows: Iterable[Row], *, title: str = "") -> None:
        if title:
            self.say(f"\n{title}")
        every = [[printable(text) for text in row] for row in (columns, *rows)]
        widths = [max(map(len, column)) for column in zip(*every, strict=True)]
        for row in every:
            cells = (f"{text:<{width}}" for text, width in zip(row, widths, strict=True))
            self.say("  ".join(cells).rstrip())

    @contextmanager
    def bar(self, total: int, what: str) -> Iterator[Callable[[int], None]]:
        def tell(done: int) -> None:
            if done and done % SAY_EVERY == 0:
                self.say(f"{what}: {done:,} of {total:,}")

        yield tell


def screen_for(out: TextIO, *, colours: bool = True) -> Screen:
    """Return what fits the output: drawn where it is a terminal and `rich` is installed."""
    if drawn is None or not out.isatty():
        return PlainScreen(out)
    found = drawn.DrawnScreen(out, colours=colours)
    return PlainScreen(out) if found.console.is_dumb_terminal else found


class Answer:
    """What a deed answers with: shapes where JSON is asked for, the screen otherwise."""

    def __init__(self, out: TextIO, screen: Screen, *, in_json: bool) -> None:
        self._out, self.screen, self.in_json = out, screen, in_json

    def json(self, shape: Shape) -> None:
        """Write one line of JSON."""
        self._out.write(f"{as_json(shape)}\n")
        self._out.flush()
