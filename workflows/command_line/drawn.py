"""Tables, colours and bars on a terminal, drawn by `rich`: the extra `terminal`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from workflows.command_line.safe_text import printable

STYLES = {
    **dict.fromkeys(("failed", "blocked", "error"), "bold red"),
    **dict.fromkeys(("cancelling", "compensating", "paused", "cancelled", "warning"), "yellow"),
    **dict.fromkeys(("completed", "compensated"), "green"),
    **dict.fromkeys(("running", "ok"), "cyan"),
}
"""Words that are coloured where they are all of a cell."""
NEVER_CUT = {"id", "state", "run"}


class DrawnScreen:
    """A screen on a terminal."""

    def __init__(self, out: TextIO, *, colours: bool = True) -> None:
        # None: NO_COLOR says it.
        self.console = Console(
            file=out, no_color=None if colours else True, highlight=False, emoji=False
        )

    def say(self, text: str) -> None:
        self.console.print(Text(printable(text, lines=True)))

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        grid = Table.grid(padding=(0, 2))
        for name, value in facts:
            if value:
                grid.add_row(Text(name, style="dim"), _text(value, lines=True))
        self.console.print(grid)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = ""
    ) -> None:
        self.console.print(drawn_table(columns, rows, title=title))

    @contextmanager
    def bar(self, total: int, what: str) -> Iterator[Callable[[int], None]]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self.console) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)


def drawn_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> Table:
    """Return a table: what is too wide is cut, but for ids and states."""
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for name in columns:
        table.add_column(
            name, no_wrap=name in NEVER_CUT, overflow="ellipsis" if name in NEVER_CUT else "fold"
        )
    for row in rows:
        table.add_row(*map(_text, row))
    return table


@contextmanager
def live(screen: DrawnScreen) -> Iterator[Callable[[Sequence[RenderableType]], None]]:
    """Show one picture in the place of the last, on a screen of its own."""
    with Live(console=screen.console, screen=True, auto_refresh=False) as shown:
        yield lambda parts: shown.update(Group(*parts), refresh=True)


def _text(text: str, *, lines: bool = False) -> Text:
    return Text(printable(text, lines=lines), style=STYLES.get(text, ""))
