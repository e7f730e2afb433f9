"""Which types storage cannot give back, whatever the value: told before a step runs, not after it."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import Secret, SecretBytes, SecretStr

Schema = dict[str, Any]

_SECRETS = (SecretStr, SecretBytes, Secret)
_NEVER = {
    "generator": "what can be read once only; return a list",
    "callable": "a function; return what it makes, or the name of a step",
    "is-subclass": "a class; return its name",
    "json": "Json, which reads a text and writes a value; say the type of the value",
}
_NO_KEYS = frozenset(
    {"tuple", "list", "set", "frozenset", "dict", "model", "dataclass", "typed-dict"}
)
_BY_ITSELF = "pydantic.types"
"""The module of the serializers that types of pydantic bring along; all others are the project's."""


def lost_by(schema: Schema) -> str:
    """Say what of every value that a (pydantic) core schema describes cannot come back, "" for
    nothing. What has a serializer of the project's own is the project's affair."""
    return _Walk(schema).lost(schema)


class _Walk:
    def __init__(self, schema: Schema) -> None:
        known = schema.get("definitions", [])
        self._definitions: dict[str, Schema] = {each["ref"]: each for each in known}
        self._seen: set[str] = set()

    def lost(self, node: Schema) -> str:
        """Return the first loss below this node."""
        if _has_own_serializer(node):
            return ""
        kind = node["type"]
        if kind in _NEVER:
            return _NEVER[kind]
        if kind == "is-instance" and node["cls"] in _SECRETS:
            return (
                f"{node['cls'].__name__}, which is stored as asterisks; keep the secret elsewhere"
            )
        return self._ways.get(kind, _Walk._below)(self, node)

    def _definition(self, node: Schema) -> str:
        ref = node["schema_ref"]
        if ref in self._seen:
            return ""
        self._seen.add(ref)
        return self.lost(self._definitions[ref])

    def _either(self, node: Schema) -> str:
        choices = node["choices"].values() if _is_tagged(node) else node["choices"]
        found = [self.lost(each[0] if isinstance(each, tuple) else each) for each in choices]
        return found[0] if found and all(found) else ""

    def _keyed(self, node: Schema) -> str:
        keys = node.get("keys_schema")
        return (keys and _lost_keys(keys)) or self._below(node)

    def _fields(self, node: Schema) -> str:
        fields = node["fields"]
        named = fields.items() if isinstance(fields, dict) else ((f["name"], f) for f in fields)
        for name, field in named:
            if field.get("serialization_exclude") and field["schema"]["type"] != "default":
                return f"{name}: a field that is left out of what is stored, and has no default"
            lost = self.lost(field["schema"])
            if lost:
                return f"{name}: {lost}"
        return ""

    def _secret(self, node: Schema) -> str:
        """Through what pydantic's secrets are made of."""
        parts = [node.get("lax_schema"), node.get("python_schema")]
        if node["type"] == "union":
            parts += node["choices"][:1]
        return next((lost for part in parts if part and (lost := self._secret_in(part))), "")

    def _secret_in(self, part: Any) -> str:
        found = part[0] if isinstance(part, tuple) else part
        return self.lost(found) if found["type"] == "is-instance" else self._secret(found)

    def _below(self, node: Schema) -> str:
        return next((lost for each in _children(node) if (lost := self.lost(each))), "")

    def _nothing(self, node: Schema) -> str:
        """There are values that come back, None for one."""
        return ""

    _ways: dict[str, Callable[["_Walk", Schema], str]] = {
        "definition-ref": _definition,
        "union": _either,
        "tagged-union": _either,
        "dict": _keyed,
        "model-fields": _fields,
        "dataclass-args": _fields,
        "typed-dict": _fields,
        "lax-or-strict": _secret,
        "json-or-python": _secret,
        "nullable": _nothing,
        "default": _nothing,
    }


def _is_tagged(node: Schema) -> bool:
    return isinstance(node["choices"], dict)


def _has_own_serializer(node: Schema) -> bool:
    own = node.get("serialization")
    return own is not None and getattr(own.get("function"), "__module__", "") != _BY_ITSELF


def _children(node: Schema) -> Iterator[Schema]:
    for name in ("schema", "items_schema", "keys_schema", "values_schema"):
        found = node.get(name)
        yield from [found] if isinstance(found, dict) else found or []


def _lost_keys(keys: Schema) -> str:
    """Say why the keys of a dictionary do not come back: JSON has texts for keys."""
    kinds = [each[0] if isinstance(each, tuple) else each for each in _alternatives(keys)]
    if any(each["type"] in _NO_KEYS for each in kinds):
        return "a dictionary whose keys are no single values; return a list of pairs"
    if any(each["type"] == "str" for each in kinds) and not all(map(_is_text, kinds)):
        return "a dictionary with texts and others for keys, which are all texts as JSON; take one kind"
    return ""


def _is_text(kind: Schema) -> bool:
    if kind["type"] == "literal":
        return all(type(each) is str for each in kind["expected"])
    return bool(kind["type"] == "str")


def _alternatives(keys: Schema) -> list[Any]:
    if keys["type"] == "nullable":
        return [{"type": "none"}, *_alternatives(keys["schema"])]
    return list(keys["choices"]) if keys["type"] == "union" else [keys]
