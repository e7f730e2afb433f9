"""Bytes in JSON: all of them come back, and old texts read as before."""

from typing import Any

import pytest

from workflows.core.codec import Codec
from workflows.core.errors import ValueNotStorable

MARKED = b"data:application/octet-stream;base64,AAAA"


@pytest.mark.parametrize("value", [b"", b"plain", "zwölf".encode(), b"\xff\x00", b"\x00", MARKED])
@pytest.mark.parametrize(
    ("annotation", "around"),
    [
        (bytes, lambda value: value),
        (bytes | None, lambda value: value),
        (list[bytes], lambda value: [value]),
        (dict[str, bytes | int], lambda value: {"a": value, "b": 1}),
        (tuple[bytes, ...], lambda value: (value, value)),
    ],
)
def test_all_bytes_come_back(annotation: Any, around: Any, value: bytes) -> None:
    codec = Codec(annotation)

    assert codec.decode(codec.encode(around(value), max_bytes=1000)) == around(value)


@pytest.mark.parametrize("text", ["plain", "zwölf", "AAAA", "_w=="])
def test_texts_of_utf_8_are_written_and_read_as_ever(text: str) -> None:
    codec = Codec(bytes)

    assert codec.decode(f'"{text}"') == text.encode()
    assert codec.encode(text.encode(), max_bytes=1000) == f'"{text}"'


def test_a_text_is_no_bytes() -> None:
    with pytest.raises(ValueNotStorable, match="cannot be stored as bytes"):
        Codec(bytes).encode("text", max_bytes=1000)
