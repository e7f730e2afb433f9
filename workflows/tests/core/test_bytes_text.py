"""Bytes in JSON: all of them come back, and old texts read as before."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import Base64Bytes, BaseModel, ConfigDict
from typing_extensions import TypedDict

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


@dataclass
class Inner:
    raw: bytes


@dataclass
class Outer:
    raw: bytes
    inner: Inner | None = None
    more: "list[Outer]" = field(default_factory=list)


class Model(BaseModel):
    raw: bytes
    outer: Outer | None = None
    others: dict[str, bytes | int] = {}


class Row(TypedDict):
    raw: bytes


class InItsOwnWay(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    raw: bytes


class Encoded(BaseModel):
    raw: Base64Bytes


@pytest.mark.parametrize("value", [b"", b"plain", b"\xff\x00", MARKED])
@pytest.mark.parametrize(
    ("annotation", "around"),
    [
        (Outer, lambda value: Outer(value, Inner(value), [Outer(value)])),
        (Model, lambda value: Model(raw=value, outer=Outer(value), others={"a": value, "b": 1})),
        (Row, lambda value: {"raw": value}),
        (list[Model | None], lambda value: [Model(raw=value), None]),
        (Inner | Outer, lambda value: Inner(value)),
    ],
)
def test_all_bytes_come_back_in_the_fields_of_classes(
    annotation: Any, around: Any, value: bytes
) -> None:
    codec = Codec(annotation)

    assert codec.decode(codec.encode(around(value), max_bytes=10_000)) == around(value)


def test_fields_that_are_utf_8_are_written_and_read_as_ever() -> None:
    codec, value = Codec(Model), Model(raw="zwölf".encode())

    assert codec.encode(value, max_bytes=1000) == value.model_dump_json().replace(
        ":", ": "
    ).replace(",", ", ")
    assert codec.decode('{"raw": "zwölf"}') == value


def test_a_class_that_says_how_it_wants_its_bytes_is_left_alone() -> None:
    own = InItsOwnWay(raw=b"\xff")

    assert Codec(InItsOwnWay).encode(own, max_bytes=100) == '{"raw": "ff"}'


def test_a_field_that_encodes_by_itself_is_left_alone() -> None:
    value = Encoded(raw=b"/w==")
    codec = Codec(Encoded)

    assert codec.decode(codec.encode(value, max_bytes=100)) == value
    assert value.model_dump_json() == codec.encode(value, max_bytes=100).replace(" ", "")


def test_the_classes_themselves_stay_as_they_are() -> None:
    Codec(Model).encode(Model(raw=b"\xff"), max_bytes=1000)

    with pytest.raises(ValueError, match="utf-8"):
        Model(raw=b"\xff").model_dump_json()
