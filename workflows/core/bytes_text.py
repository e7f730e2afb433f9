"""Bytes as JSON text: those that are UTF-8 as they always were, all others in base64, marked."""

import base64
import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticSerializationUnexpectedValue

_MARK = "data:application/octet-stream;base64,"
_CONTAINERS = (list, dict, tuple, set, frozenset)


def with_any_bytes(annotation: Any) -> Any:
    """Return the annotation with its bytes stored whatever they hold: where it is bytes itself, and
    inside the brackets of containers and unions, but not in the fields of classes."""
    if annotation is bytes:
        return Annotated[bytes, PlainSerializer(_text), BeforeValidator(_bytes)]
    origin, args = get_origin(annotation), get_args(annotation)
    inner = tuple(with_any_bytes(each) for each in args)
    if all(new is old for new, old in zip(inner, args, strict=True)):
        return annotation
    if origin in (Union, types.UnionType):
        return Union[inner]  # noqa: UP007 - of a tuple
    return origin[inner] if origin in _CONTAINERS else annotation


def _text(value: Any) -> str:
    if not isinstance(value, bytes):
        raise PydanticSerializationUnexpectedValue(f"{type(value).__name__} is no bytes")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or "\x00" in text or text.startswith(_MARK):
        return _MARK + base64.b64encode(value).decode()
    return text


def _bytes(plain: Any) -> Any:
    if isinstance(plain, str) and plain.startswith(_MARK):
        return base64.b64decode(plain.removeprefix(_MARK))
    return plain
