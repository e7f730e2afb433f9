"""What writes and reads annotated values: pydantic's own, unless there are bytes in them."""

import math
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from workflows.core.adapter import make_adapter


class Raw(BaseModel):
    raw: bytes


def test_a_value_without_a_number_keeps_that_as_it_is() -> None:
    [written] = make_adapter(Any).serializer.to_python([math.nan], mode="json")

    assert math.isnan(written)


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(ValidationError):
        make_adapter(int).validator.validate_python(["seven"])


def test_the_schema_is_as_pydantic_has_made_it() -> None:
    adapter = make_adapter(Raw)

    assert adapter.schema == TypeAdapter(list[Raw]).core_schema
    assert [Raw(raw=b"\xff")] == adapter.validator.validate_python(
        adapter.serializer.to_python([Raw(raw=b"\xff")], mode="json")
    )
