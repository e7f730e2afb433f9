"""Types of which nothing comes back from storage."""

import datetime as dt
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    BaseModel,
    Field,
    Json,
    PlainSerializer,
    SecretBytes,
    SecretStr,
    field_serializer,
)
from typing_extensions import TypedDict

from workflows.core.codec import Codec


class Colour(Enum):
    RED = "red"


class Account(BaseModel):
    name: str
    password: SecretStr


class Leaving(BaseModel):
    cached: str = Field(exclude=True)


class LeavingADefault(BaseModel):
    cached: str = Field(default="", exclude=True)


class Revealing(BaseModel):
    password: SecretStr

    @field_serializer("password", when_used="json")
    def reveal(self, value: SecretStr) -> str:
        return value.get_secret_value()


@dataclass
class Node:
    name: str
    children: "list[Node]" = field(default_factory=list)
    made_by: Callable[[], int] | None = None


class Row(TypedDict):
    account: Account


LOST: list[tuple[Any, str]] = [
    (SecretStr, "asterisks"),
    (SecretBytes, "asterisks"),
    (list[SecretStr], "asterisks"),
    (Account, "password: SecretStr, which is stored as asterisks"),
    (dict[str, Row], "account: password: "),
    (Leaving, "cached: a field that is left out"),
    (Generator[int], "read once only"),
    (Callable[[], int], "a function"),
    (type[int], "a class"),
    (Json, "Json"),
    (dict[int | str, int], "texts and others for keys"),
    (dict[str | None, int], "texts and others for keys"),
    (dict[UUID | str, int], "texts and others for keys"),
    (dict[tuple[int, int], str], "no single values"),
    (dict[frozenset[int], str], "no single values"),
    (SecretStr | SecretBytes, "asterisks"),
]
KEPT: list[Any] = [
    *(Any, int, None, str | None, list[int], dict[str, Any], dict[Any, int], dict[int, str]),
    *(
        dict[Colour, int],
        dict[Literal["a"] | str, int],
        dict[dt.date, int],
        set[int],
        frozenset[str],
    ),
    *(Node, LeavingADefault, Revealing, SecretStr | None, int | Callable[[], int], bytes),
    *(tuple[int, str], dt.datetime | dt.date, complex, dict[bytes, int]),
    Annotated[SecretStr, PlainSerializer(lambda each: each.get_secret_value())],
]


@pytest.mark.parametrize(("annotation", "why"), LOST)
def test_what_never_comes_back_is_known_by_its_type(annotation: Any, why: str) -> None:
    assert why in Codec(annotation).loss


@pytest.mark.parametrize("annotation", KEPT)
def test_what_may_come_back_is_judged_by_its_value(annotation: Any) -> None:
    assert Codec(annotation).loss == ""
