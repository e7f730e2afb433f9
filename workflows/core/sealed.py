"""Encrypted values: how they look in JSON, which values of a run they are, and what each is bound to.

A sealed value is a JSON object with one name, so that a jsonb column holds it like any other value:
{"$sealed": "2026-11:…"}, the id of the key and the text in base64 (its form for addresses has no "+", which
would make core/codec.py look for exponents). It is bound to its place: put into
another row, or another field, it cannot be opened.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from workflows.core import line_fields as fields
from workflows.core.codec import SEALED
from workflows.core.errors import ReplayError
from workflows.core.history import HistoryKind

SEALED_TEXT = f'{{"{SEALED}": "'
"""How the JSON text of a sealed value begins, here and as PostgreSQL writes it."""
IN_TEXT = f'"{SEALED}": "'
"""In the JSON text of whatever holds a sealed value."""
ERROR_TEXTS = ("message", "traceback")
"""What is sealed of a Failure: its type and kind are filtered by."""


class PayloadUnreadable(ReplayError):
    """A value is encrypted with the key key_id, and this process cannot open it; nothing is lost."""

    code = "payload_unreadable"

    def __init__(self, key_id: str, why: str) -> None:
        super().__init__(key_id, why)
        self.key_id, self.why = key_id, why

    def __str__(self) -> str:
        return f"a value is encrypted with key {self.key_id!r}: {self.why}; nothing is lost"


class PayloadCodec(Protocol):
    """What settings.WORKFLOWS["codec"] names. workflows.encryption.AesGcm is one."""

    @property
    def writes(self) -> str:
        """The id of the key that encrypts, without a colon; "": nothing is encrypted any more."""

    def encrypt(self, plain: bytes, bound_to: bytes) -> tuple[str, bytes]:
        """Return the id of the key that encrypts, and the text encrypted with it."""

    def decrypt(self, key_id: str, text: bytes, bound_to: bytes) -> bytes:
        """Return the plain text. Raises KeyError where there is no such key here; ValueError where the
        key is another one, the text was changed, or was bound to something else."""


class Encrypted(dict[str, str]):
    """Stands where this process cannot show a value: {"encrypted": the id of its key}."""

    def __init__(self, why: PayloadUnreadable) -> None:
        super().__init__(encrypted=why.key_id)
        self.why = why


def readable(value: Any) -> Any:
    """Return a value that is not encrypted. Raises PayloadUnreadable for one that is shown so."""
    if isinstance(value, Encrypted):
        raise value.why
    return value


def bound(owner: UUID | str, place: str, field: str) -> bytes:
    """Return what a value is bound to: whose it is (the first run of a chain, a schedule), where it
    stands, and as what."""
    return f"{owner}/{place}/{field}".encode()


def is_sealed(value: Any) -> bool:
    """Say whether a JSON value is a sealed one."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(SEALED), str)


def key_of(value: Mapping[str, str]) -> str:
    """Return the id of the key that a sealed value names."""
    return value[SEALED].partition(":")[0]


def seal(codec: PayloadCodec, text: str, bound_to: bytes) -> dict[str, str]:
    """Return the sealed value of a JSON text."""
    key_id, encrypted = codec.encrypt(text.encode(), bound_to)
    return {SEALED: f"{key_id}:{urlsafe_b64encode(encrypted).decode()}"}


def opened(codec: PayloadCodec | None, value: Mapping[str, str], bound_to: bytes) -> str:
    """Return the JSON text of a sealed value. Raises PayloadUnreadable."""
    key_id, _, encrypted = value[SEALED].partition(":")
    if codec is None:
        raise PayloadUnreadable(key_id, 'settings.WORKFLOWS["codec"] is not set here')
    try:
        return codec.decrypt(key_id, urlsafe_b64decode(encrypted), bound_to).decode()
    except KeyError:
        raise PayloadUnreadable(key_id, "the codec here does not have that key") from None
    except ValueError:  # and binascii.Error, which is one
        changed = "the key of that id here is another one, or the text was changed or moved"
        raise PayloadUnreadable(key_id, changed) from None


_VALUES = {*(fields.OUTPUT, fields.PAYLOAD, fields.HEARTBEAT, fields.CARRIED_DATA)} | {
    fields.ARGUMENTS,  # digests of small values can be guessed
    fields.PROBLEM,  # names the arguments that differ
}
_SEALED_FIELDS = {
    kind: tuple(field.name for field in found if field in _VALUES)
    for kind, found in fields.FIELDS.items()
}


def sealed_fields(kind: HistoryKind) -> tuple[str, ...]:
    """Return the fields of a line that are sealed whole; of its error, parts are."""
    return _SEALED_FIELDS[kind]
