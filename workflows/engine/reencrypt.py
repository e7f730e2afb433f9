"""Encrypt anew what runs have kept: table by table, page by page, beside running drives."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from workflows.conf import conf
from workflows.core.errors import InvalidInput
from workflows.core.sealed import PayloadUnreadable
from workflows.store import reencrypt as store
from workflows.store.resealing import TABLES, Kept, Row, RowId, resealed

PAGE = 200
TRIES = 5
"""So often a row is tried again that somebody held, or has changed."""
REST_SECONDS = 0.2
NO_CODEC = (
    'settings.WORKFLOWS["codec"] is not set here. To encrypt, give it a key; to turn encryption off, let it '
    'only read first: AesGcm(keys, writes="")'
)


@dataclass
class Progress:
    """How far a table is."""

    table: str
    total: int
    """Rows, when it began."""
    seen: int = 0
    written: int = 0
    """Rows that were encrypted anew, or decrypted; in a dry run: that would be."""
    busy: int = 0
    """Rows that others were at, each time."""
    unreadable: Counter[str] = field(default_factory=Counter)
    """Rows that stay as they are, by the id of the key that is not here."""


def writing_key() -> str:
    """Return the id of the key that encrypts now; "": none does. Raises InvalidInput without a codec."""
    codec = conf().payload_codec
    if codec is None:
        raise InvalidInput(NO_CODEC)
    return codec.writes


def reencrypt(*, dry_run: bool = False) -> Iterator[Progress]:
    """Let everything that is stored have the key that encrypts now, or none; yield after each page.

    What has it already is passed over, so a second call goes on where the first was cut off. A row is locked
    for its own UPDATE only, and nobody is waited for. Raises InvalidInput without a codec.
    """
    writes = writing_key()
    for kept in TABLES:
        progress, after, left = Progress(kept.name, store.count_rows(kept)), None, []
        while (page := store.read_page(kept, writes, after=after, limit=PAGE)).seen:
            after = page.last
            progress.seen += page.seen
            left += _write(kept, page.rows, writes, progress, dry_run)
            yield progress
        for _ in range(TRIES):
            if left:
                time.sleep(REST_SECONDS)
                again = store.read_rows(kept, writes, left)
                left = _write(kept, again, writes, progress, dry_run)
        progress.busy = len(left)
        yield progress


def _write(
    kept: Kept, rows: Sequence[Row], writes: str, progress: Progress, dry_run: bool
) -> list[RowId]:
    """Write these rows anew. Returns the ids of those that others were at."""
    changed = list(_changed(kept, rows, writes, progress))
    if dry_run or not changed:
        progress.written += len(changed)
        return []
    with transaction.atomic():
        written = store.write_rows(kept, changed)
    progress.written += len(written)
    return [row.id for row, _ in changed if row.id not in written]


def _changed(
    kept: Kept, rows: Sequence[Row], writes: str, progress: Progress
) -> Iterator[tuple[Row, str]]:
    for row in rows:
        try:
            text = resealed(kept, row, writes)
        except PayloadUnreadable as exc:
            progress.unreadable[exc.key_id] += 1
        else:
            if text is not None:
                yield row, text
