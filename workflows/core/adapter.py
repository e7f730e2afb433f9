"""What writes and reads the values of one annotation, as pydantic makes it."""

from typing import Any, NamedTuple

from pydantic import ConfigDict, TypeAdapter
from pydantic_core import SchemaSerializer, SchemaValidator

from workflows.core.bytes_text import with_any_bytes

# By default pydantic writes an untyped NaN as null; `dumps` refuses it by name. Only what is no
# model itself takes such a setting, hence the list around it.
_CONFIG = ConfigDict(ser_json_inf_nan="constants")
_BY_THE_SCHEMA_ALONE = (
    {"_use_prebuilt": False}
    if "_use_prebuilt" in (SchemaSerializer.__text_signature__ or "")
    else {}
)
"""Models bring a serializer along, which pydantic takes in the place of the schema, where it can be
told not to. (2.11 cannot be told: there, models whose bytes are not UTF-8 are refused.)"""


class Adapter(NamedTuple):
    """For lists of the annotated values; the codec puts each into one."""

    serializer: SchemaSerializer
    validator: SchemaValidator
    schema: Any
    """Pydantic's core schema."""


def make_adapter(annotation: Any) -> Adapter:
    """Raises exceptions of several kinds for what pydantic cannot describe."""
    made: TypeAdapter[Any] = TypeAdapter(list[annotation], config=_CONFIG)
    schema: Any = made.core_schema
    changed = with_any_bytes(schema)
    if changed is schema:
        return Adapter(made.serializer, made.validator, schema)  # type: ignore[arg-type]
    options: Any = {"config": _CONFIG} | _BY_THE_SCHEMA_ALONE
    return Adapter(
        SchemaSerializer(changed, **options), SchemaValidator(changed, **options), schema
    )
