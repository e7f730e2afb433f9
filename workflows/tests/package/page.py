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
    """A block `python`: goes to the end of the file that was named last before it."""

    text: str
    file: str


def steps(page: str) -> Iterator[Command | Addition]:
    """Yield what a page tells its reader to do, in order. Blocks `py` and `text` are only shown."""
    told, file = (DOCS / page).read_text(), ""
    for block in re.finditer(r"^```(\w+)\n(.*?)^```$", told, re.S | re.M):
        language, text = block[1], block[2]
        before = told[: block.start()].rstrip().rpartition("\n\n")[2]
        file = next(reversed(FILE.findall(before)), file)
        if language == "sh":
            yield Command(text)
        elif language == "python":
            yield Addition(text, file)
