"""Bytes as JSON text: those that are UTF-8 as they always were, all others in base64, marked."""

import base64
from typing import Any

from pydantic_core import CoreSchema, PydanticSerializationUnexpectedValue, core_schema

_MARK = "data:application/octet-stream;base64,"
_NO_SCHEMAS = frozenset({"default", "metadata", "expected", "cls", "function", "config", "ref"})
"""Parts of a core schema in which nothing stands for a type."""
_OWN_WAY = frozenset({"ser_json_bytes", "val_json_bytes"})


def with_any_bytes(node: Any) -> Any:
    """Return a core schema in which bytes are stored whatever they hold, in the fields of classes too;
    the same one where it has none. Classes that say by `ser_json_bytes` how they want theirs, and
    fields with a serializer of their own, are left alone."""
    if isinstance(node, dict):
        if node.get("type") == "bytes":
            return _any_bytes(node)
        if _OWN_WAY & (node.get("config") or {}).keys():
            return node
        changed = {
            name: each if name in _NO_SCHEMAS and _is_schema(node) else with_any_bytes(each)
            for name, each in node.items()
        }
        return changed if any(changed[name] is not node[name] for name in node) else node
    if isinstance(node, list | tuple):
        items = [with_any_bytes(each) for each in node]
        same = all(new is old for new, old in zip(items, node, strict=True))
        return node if same else type(node)(items)
    return node


def _is_schema(node: dict[str, Any]) -> bool:
    return isinstance(node.get("type"), str)  # else fields by their names


def _any_bytes(node: Any) -> CoreSchema:
    if "serialization" in node:
        return node  # type: ignore[no-any-return]
    writes = core_schema.plain_serializer_function_ser_schema(_text)
    return core_schema.no_info_before_validator_function(_bytes, node, serialization=writes)


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
