"""What tests of encryption share: keys, and all that the tables hold."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test import override_settings

from workflows.encryption import AesGcm

OLD = {"2026-10": b64encode(b"o" * 32).decode()}
NEW = {"2026-11": b64encode(b"n" * 32).decode()}
SECRET = "swordfish"
TABLES = (
    *("workflows_run", "workflows_history", "workflows_event", "workflows_schedule"),
    "workflows_chunk",
)


@contextmanager
def keys(*given: dict[str, str]) -> Iterator[None]:
    """Let values be encrypted with the last of these keys, and read with all; none: no codec is set."""
    merged = {name: key for each in given for name, key in each.items()}
    with override_settings(WORKFLOWS={"codec": AesGcm(merged)} if merged else {}):
        yield


def stored() -> str:
    """Return all that the engine's tables hold, as text."""
    with connection.cursor() as cursor:
        texts = []
        for table in TABLES:
            cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} AS t")
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)
