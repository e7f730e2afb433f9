"""An ordinary django-q2 task."""

from pathlib import Path


def write_down(path: str, words: str) -> None:
    """Write words into a file."""
    Path(path).write_text(words)
