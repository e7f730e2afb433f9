"""What answers an update: a function of the workflow's code, with what it takes and returns."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

from workflows.core.codec import Codec
from workflows.core.errors import DefinitionError
from workflows.core.payload_type import PayloadType, payload_type
from workflows.core.signature import Signature

Validate = Callable[[Any], object]


@dataclass(frozen=True, kw_only=True)
class UpdateHandler:
    """Answers the updates of one name."""

    function: Callable[[Any], Any]
    validate: Validate | None
    payload: PayloadType | None
    """None: it says nothing of what it takes."""
    result: Codec

    def read(self, plain: Any) -> Any:
        """Return a payload as the function takes it. Raises ValueNotStorable."""
        return plain if self.payload is None else self.payload.read(plain)


def update_handler(
    name: str, function: Callable[[Any], Any], validate: Validate | None
) -> UpdateHandler:
    """Return the handler that a function makes. Raises DefinitionError."""
    takes = _takes(name, function)
    if validate is not None:
        _takes(name, validate)
    payload, result = None, Codec()
    if isinstance(function, FunctionType | MethodType):
        signature = Signature(function)  # type: ignore[arg-type] # a method has all that it looks at
        annotation, result = signature.annotations.get(takes, Any), signature.result
        payload = None if annotation is Any else payload_type(annotation)
    return UpdateHandler(function=function, validate=validate, payload=payload, result=result)


def _takes(name: str, function: Any) -> str:
    """Return the name of the parameter that takes the payload."""
    wrong = (
        f"on_update({name!r}): {function!r:.80} is no plain function that takes the payload alone"
    )
    if inspect.iscoroutinefunction(function):
        raise DefinitionError(wrong)
    try:
        takes = inspect.signature(function)
        takes.bind(None)
    except (TypeError, ValueError):
        raise DefinitionError(wrong) from None
    return next(iter(takes.parameters))
