"""Reads a page of the documentation as a reader does: commands to type, files to write."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"

FILE = re.compile(r"`([\w./-]+\.(?:py|toml))`")


@dataclass(frozen=True)
class Command:
    """A block `sh`: typed into a terminal."""

    text: str


@dataclass(frozen=True)
class Addition:
    """A block `python`: goes to the end of the file that the sentence before it names."""

    text: str
    file: str


def steps(page: str) -> Iterator[Command | Addition]:
    """Yield what a page tells its reader to do, in order. Blocks `py` are examples only."""
    for block in re.finditer(r"^```(\w+)\n(.*?)^```$", (DOCS / page).read_text(), re.S | re.M):
        language, text = block[1], block[2]
        if language == "sh":
            yield Command(text)
        elif language == "python":
            before = (DOCS / page).read_text()[: block.start()].rstrip().rpartition("\n\n")[2]
            yield Addition(text, FILE.findall(before)[-1])


def python_of(page: str) -> str:
    """Return all Python of a page, as one file."""
    return "\n".join(re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S))
