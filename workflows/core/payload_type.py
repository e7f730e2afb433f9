"""What an event brings, as an annotation says."""

import functools
from collections.abc import Mapping
from types import FunctionType, MappingProxyType
from typing import Annotated, Any, ForwardRef, Literal, get_args, get_origin

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from workflows.core.codec import shown
from workflows.core.errors import DefinitionError, ValueNotStorable


class PayloadType:
    """Reads the payloads of one annotation: plain types, dataclasses, pydantic models."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        try:
            if _names_by_text(annotation):
                raise TypeError("it names a type by a text, which nobody can look up")
            if isinstance(annotation, FunctionType):
                raise TypeError("it is a function")
            self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        except Exception as exc:  # pydantic raises several kinds for what it cannot describe
            why = " ".join(str(exc).split()).partition(". ")[0]
            raise DefinitionError(
                f"{shown(annotation)} cannot be the type of an event ({why}); give a plain type, a "
                "dataclass or a pydantic model"
            ) from None

    def read(self, plain: Any, *, root: str = "") -> Any:
        """Return the annotated value of a plain JSON value. Raises ValueNotStorable, naming each
        field that is missing or wrong; root: how the value itself is called in it."""
        inside = (root,) if root else ()
        try:
            return self._adapter.validate_python(plain)
        except ValidationError as exc:
            faults = "; ".join(
                f"{'.'.join(map(str, (*inside, *fault['loc']))) or 'payload'}: {fault['msg']}"
                for fault in exc.errors(include_url=False, include_input=False)
            )
            raise ValueNotStorable(faults) from None
        except Exception as exc:  # a class may refuse in any way of its own
            raise ValueNotStorable(f"{root or 'payload'}: {self._why(exc)}") from None

    def keeps(self, given: Any, plain: Any) -> bool:
        """Whether what storage made of a value, a plain JSON value, is read as the value itself is."""
        try:
            return bool(
                self._adapter.validate_python(given) == self._adapter.validate_python(plain)
            )
        except Exception:  # as above
            return False

    def _why(self, exc: Exception) -> str:
        if isinstance(exc, PydanticUserError) and exc.code == "class-not-fully-defined":
            told = f"{shown(self.annotation)} names a type that is not there"
            return f"{told}; define it in its module, or import it there at run time"
        return " ".join(str(exc).split())


def _names_by_text(annotation: Any) -> bool:
    """Whether it is, or holds, a type in quotes: list["Address"]. One inside a class is looked up in the
    module of the class, and does no harm."""
    if isinstance(annotation, str | ForwardRef):
        return True
    if get_origin(annotation) is Literal:
        return False
    parts = get_args(annotation)
    return any(map(_names_by_text, parts[:1] if get_origin(annotation) is Annotated else parts))


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
