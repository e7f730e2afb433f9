"""What an event brings, as an annotation says."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from workflows.core.errors import DefinitionError, ValueNotStorable


class PayloadType:
    """Reads the payloads of one annotation: plain types, dataclasses, pydantic models."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        try:
            if isinstance(annotation, str):
                raise TypeError("it is a text")
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        except Exception as exc:  # pydantic raises several kinds for what it cannot describe
            why = " ".join(str(exc).split()).partition(". ")[0]
            raise DefinitionError(
                f"{annotation!r:.80} cannot be the type of an event ({why}); give a plain type, a "
                "dataclass or a pydantic model"
            ) from None

    def read(self, plain: Any) -> Any:
        """Return the annotated value of a plain JSON value. Raises ValueNotStorable, naming each
        field that is missing or wrong."""
        try:
            return self._adapter.validate_python(plain)
        except ValidationError as exc:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'payload'}: {fault['msg']}"
                for fault in exc.errors(include_url=False, include_input=False)
            )
            raise ValueNotStorable(faults) from None
        except Exception as exc:  # a class may refuse in any way of its own
            raise ValueNotStorable(f"payload: {exc}") from None


NO_TYPES: Mapping[str, PayloadType] = MappingProxyType({})


@functools.lru_cache(maxsize=500)
def _made(annotation: Any) -> PayloadType:
    return PayloadType(annotation)


def payload_type(annotation: Any) -> PayloadType:
    """Return the reader of an annotation, made once. Raises DefinitionError."""
    try:
        return _made(annotation)
    except TypeError:  # cannot be hashed: an Annotated with a list in it
        return PayloadType(annotation)
