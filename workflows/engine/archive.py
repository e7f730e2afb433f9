"""Archives of runs: a file with a line of JSON for each, compressed as its name says."""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO
from uuid import UUID

from workflows.core.chunk import Chunk
from workflows.core.errors import InvalidInput
from workflows.engine.history_export import as_exported
from workflows.engine.replay_check import as_recorded
from workflows.store.history import load_histories
from workflows.store.stream import load_chunks
from workflows.store.views import StoredRun, get_stored_runs

zstandard: ModuleType | None
try:
    import zstandard
except ImportError:
    zstandard = None

_OUTCOME = (
    *("state", "status", "key", "output", "error", "compensation_error", "data", "attributes"),
    "baggage",
    *("parent_id", "continued_as", "started_at", "finished_at", "owner", "tags", "subject"),
)
"""What is kept of a run beside what export_history tells."""
_CHUNK = ("cursor", "step", "position", "attempt", "number", "undo", "at", "value")
"""The cursor says to what a value is bound that is encrypted."""


class Archive:
    """A new file. What was written is on the disk when `write` returns.

    Each batch is compressed by itself, so that a file which was cut short can be read as far as the
    last whole batch: nothing behind that was deleted.
    """

    def __init__(self, path: Path) -> None:
        """Raises InvalidInput where the name says nothing, or the file cannot be made."""
        self._compress = _compressor(path)
        try:
            self._file: BinaryIO = path.open("xb")
        except OSError as exc:
            raise InvalidInput(f"{path}: {exc.strerror}; give the name of a new file") from None
        _flush_folder(path.parent)

    def write(self, run_ids: Sequence[UUID]) -> None:
        """Add these runs. Raises OSError where the disk does not take them."""
        runs, histories = get_stored_runs(run_ids), load_histories(run_ids)
        streams = load_chunks(run_ids)
        lines = [
            json.dumps(_line(runs[each], histories[each], streams.get(each, ()))) + "\n"
            for each in run_ids
        ]
        self._file.write(self._compress("".join(lines).encode()))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_archive(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the runs of an archive, each as export_history returns it and with its `outcome`. Raises
    InvalidInput for a file that is none, OSError, EOFError behind the last whole batch."""
    with _opened(path) as file:
        for line in file:
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as exc:
                raise InvalidInput(f"{path}: {exc}") from None


def is_archive(path: Path) -> bool:
    """Say whether a file's name is that of an archive."""
    return path.name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst"))


def _line(run: StoredRun, entries: Any, stream: Sequence[Chunk]) -> dict[str, Any]:
    outcome = {name: getattr(run.view, name) for name in _OUTCOME}
    told = {name: _plain(value) for name, value in outcome.items()}
    line = {**as_exported(as_recorded(run, entries)), "outcome": told}
    if stream:
        line["stream"] = [
            {name: _plain(getattr(chunk, name)) for name in _CHUNK} for chunk in stream
        ]
    return line


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _compressor(path: Path) -> Callable[[bytes], bytes]:
    if not is_archive(path):
        raise InvalidInput(f"{path}: its name ends with .jsonl.zst, .jsonl.gz or .jsonl")
    match path.suffix:
        case ".gz":
            return gzip.compress
        case ".zst":
            compress: Callable[[bytes], bytes] = _zstandard(path).ZstdCompressor().compress
            return compress
    return bytes


def _opened(path: Path) -> Any:
    match path.suffix:
        case ".gz":
            return gzip.open(path, "rt", encoding="utf-8")
        case ".zst":
            return _zstandard(path).open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _zstandard(path: Path) -> ModuleType:
    if zstandard is None:
        raise InvalidInput(
            f'{path}: .zst takes the package "zstandard" '
            '(pip install "django-durable-workflows[zstd]"); .jsonl.gz takes nothing'
        )
    return zstandard


def _flush_folder(folder: Path) -> None:
    """Let the name of a new file be on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
