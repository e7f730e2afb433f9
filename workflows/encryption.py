"""A codec for settings.WORKFLOWS["codec"]: AES-256-GCM, with keys that are told apart by ids.

Needs the package "cryptography": pip install "django-durable-workflows[encryption]".
"""

import hashlib
import os
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured

_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID = re.compile(r"[A-Za-z0-9._-]{1,50}")


class AesGcm:
    """Encrypts with one key, and reads what was encrypted with any of them.

    keys: by its id, 32 random bytes in base64 (`openssl rand -base64 32`). writes: the id of the key that
    encrypts; None: the last one given; "": nothing is encrypted any more, only read. Each value has a key of its own, made of this one and of its
    place: so no key is used often, and no value can be put in another's place.
    """

    def __init__(self, keys: Mapping[str, str], *, writes: str | None = None) -> None:
        """Raises ImproperlyConfigured."""
        if not isinstance(keys, Mapping) or not keys:
            raise ImproperlyConfigured("AesGcm: give keys={id: 32 bytes in base64}")
        self._keys = {key_id: _key(key_id, text) for key_id, text in keys.items()}
        self._writes = [*keys][-1] if writes is None else writes
        if self._writes and self._writes not in self._keys:
            known = ", ".join(self._keys)
            raise ImproperlyConfigured(
                f"AesGcm: there is no key {writes!r} to write with ({known})"
            )

    @property
    def writes(self) -> str:
        """The id of the key that encrypts; "": none does."""
        return self._writes

    def encrypt(self, plain: bytes, bound_to: bytes) -> tuple[str, bytes]:
        """Return the id of the key that writes, and nonce and text."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._writes, nonce + self._cipher(self._writes, bound_to).encrypt(
            nonce, plain, bound_to
        )

    def decrypt(self, key_id: str, text: bytes, bound_to: bytes) -> bytes:
        """Return the plain text. Raises KeyError, ValueError."""
        nonce, encrypted = text[:_NONCE_BYTES], text[_NONCE_BYTES:]
        try:
            return self._cipher(key_id, bound_to).decrypt(nonce, encrypted, bound_to)
        except InvalidTag:
            raise ValueError("not encrypted with this key for this place") from None

    def _cipher(self, key_id: str, bound_to: bytes) -> AESGCM:
        digest = hashlib.blake2b(bound_to, key=self._keys[key_id], digest_size=_KEY_BYTES)
        return AESGCM(digest.digest())

    def __repr__(self) -> str:
        return f"AesGcm(keys: {', '.join(self._keys)}; writes {self._writes or 'plain values'})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("AesGcm holds keys and is not pickled; make one in each process")


def _key(key_id: Any, text: Any) -> bytes:
    if not isinstance(key_id, str) or _ID.fullmatch(key_id) is None:
        raise ImproperlyConfigured(
            f"AesGcm: {key_id!r:.60} is no id of a key; give letters, digits, '.', '_' and '-'"
        )
    try:
        key = b64decode(text, validate=True)
    except (TypeError, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ImproperlyConfigured(
            f"AesGcm: key {key_id!r} is not 32 bytes in base64; `openssl rand -base64 32` makes one"
        )
    return key
