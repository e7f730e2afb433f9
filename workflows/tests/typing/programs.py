"""The programs that the documentation prints: the Python blocks of each page, as one module."""

import re
from pathlib import Path

from workflows.tests.typing.checkers import ROOT

LEFT_TO_THE_READER = {
    "writing-workflows.md": """\
from typing import Any
from django.db import transaction
class Order: objects: Any
class Answer: declined: bool; reference: str
class payments:
    @staticmethod
    def charge(order_id: int, idempotency_key: str) -> Answer: return Answer()
""",
    "testing-workflows.md": """\
# mypy: allow-untyped-defs, allow-untyped-calls
from typing import Any
class Order: objects: Any
class payments:
    @staticmethod
    def charge(order_id: int) -> str: return ""
""",
}
"""What a page's examples take for granted: names of the reader's own, annotations of tests."""


def programs() -> dict[str, str]:
    """Return a module for each page that prints Python code using the engine."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = {}
    for page in pages:
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.S | re.M)
        if any("workflows.api" in block for block in blocks):
            name = page.stem.replace("-", "_") + "_page.py"
            found[name] = LEFT_TO_THE_READER.get(page.name, "") + "\n\n".join(blocks)
    return found


def mistakes() -> str:
    """Return the planted mistakes, to be checked where the repository's own check skips them."""
    text = (Path(__file__).parent / "mistakes.py").read_text()
    return text.replace("# mypy: ignore-errors", "#", 1)
