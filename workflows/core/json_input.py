"""The input of a run as JSON: from a form, a request, a file."""

from collections.abc import Mapping
from typing import Any

from workflows.core.codec import loads, shown
from workflows.core.errors import InvalidInput, ValueNotStorable
from workflows.core.payload_type import payload_type
from workflows.core.signature import Signature


def read_input(signature: Signature, given: Any, *, whose: str) -> dict[str, Any]:
    """Return the arguments that a JSON object stands for, each as its annotation says: texts become
    dates, decimals, URLs, at any depth. given: JSON text, or a mapping of JSON values. Raises
    InvalidInput, which names each element that does not fit."""
    read, faults = {}, []
    for name, value in _object(given, whose).items():
        try:
            annotation = signature.annotations.get(name, Any)
            read[name] = payload_type(annotation).read(value, root=name)
        except ValueNotStorable as exc:
            faults.append(str(exc))
    if faults:
        raise InvalidInput(f"{whose}: {'; '.join(faults)}")
    return read


def _object(given: Any, whose: str) -> dict[str, Any]:
    plain = given
    if isinstance(given, str | bytes):
        try:
            plain = loads(given if isinstance(given, str) else given.decode())
        except ValueError as exc:
            raise InvalidInput(f"{whose}: input_json is no JSON: {exc}") from None
    if not isinstance(plain, Mapping) or not all(isinstance(name, str) for name in plain):
        raise InvalidInput(f"{whose}: input_json is {shown(plain)}; give an object")
    return dict(plain)
