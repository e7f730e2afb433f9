"""Values to JSON text and back, as their annotations say."""

import dataclasses
import enum
import json
import math
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.codec import Codec, dumps, is_same, loads
from workflows.core.errors import DefinitionError, ValueNotStorable, ValueTooLarge

PLENTY = 1_000_000


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass(frozen=True)
class Address:
    street: str
    number: int | None = None


@dataclasses.dataclass
class Person:
    name: str
    born: date
    homes: list[Address]
    by_colour: dict[Colour, Decimal]


class Order(pydantic.BaseModel):
    id: uuid.UUID
    lines: list[Address] = []


@dataclasses.dataclass
class Weight:
    kilos: float
    more: Any


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Picky:
    name: str

    def __post_init__(self) -> None:
        if self.name != "ok":
            raise KeyError(self.name)


HOME = Address("Long Lane", 7)
VALUES: list[tuple[Any, Any]] = [
    (int, 2**70),
    (float, 0.1),
    (float, 1e22),
    (float, 1.7976931348623157e308),
    (str, "zwölf 🧭 \\u0000 as written"),
    (bool, True),
    (None, None),
    (int | None, None),
    (bytes, b"bytes"),
    (Colour, Colour.RED),
    (Level, Level.LOW),
    (Literal["a", "b"], "b"),
    (date, date(2026, 2, 28)),
    (datetime, datetime(2026, 2, 28, 12, 30, 1, 123456, tzinfo=UTC)),
    (time, time(23, 59, 59, 999999)),
    (timedelta, timedelta(days=3, microseconds=1)),
    (Decimal, Decimal("0.10000000000000000000001")),
    (uuid.UUID, uuid.UUID(int=5)),
    (Address, HOME),
    (Address | None, HOME),
    (Person, Person("Alice", date(1990, 1, 1), [HOME], {Colour.RED: Decimal("1.50")})),
    (Order, Order(id=uuid.UUID(int=1), lines=[HOME])),
    (list[Order], [Order(id=uuid.UUID(int=1))]),
    (dict[uuid.UUID, list[Address]], {uuid.UUID(int=2): [HOME]}),
    (dict[int, str], {10: "a", 9: "b"}),
    (tuple[int, str], (1, "a")),
    (set[int], {3, 1, 2}),
    (Point, Point(1, 2)),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def keeps(annotation: Any, value: Any) -> Any:
    codec = Codec(annotation)
    return codec.decode(codec.encode(value, max_bytes=PLENTY))


@pytest.mark.parametrize(("annotation", "value"), VALUES, ids=lambda case: repr(case)[:40])
def test_a_value_comes_back_as_its_annotation_says(annotation: Any, value: Any) -> None:
    back = keeps(annotation, value)

    assert back == value
    assert type(back) is type(value)


def test_a_large_float_is_written_in_full_so_that_it_stays_a_float() -> None:
    text = Codec().encode({"e+": 'say "1e+22"', "n": [1e22, -1.5e300]}, max_bytes=PLENTY)

    assert text.startswith('{"e+": "say \\"1e+22\\"", "n": [10000000000000000000000.0, -15000')
    assert loads(text) == {"e+": 'say "1e+22"', "n": [1e22, -1.5e300]}


def test_without_an_annotation_a_dataclass_comes_back_as_plain_json() -> None:
    assert keeps(Any, HOME) == {"street": "Long Lane", "number": 7}


def test_objects_come_back_with_their_keys_sorted_at_every_depth() -> None:
    back = keeps(Any, {"b": {"z": 1, "a": 2}, "a": [{"d": 1, "c": 2}]})

    assert json.dumps(back) == '{"a": [{"c": 2, "d": 1}], "b": {"a": 2, "z": 1}}'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("annotation", [Any, float, Weight, Weight | None])
def test_a_number_that_json_lacks_is_refused(annotation: Any, number: float) -> None:
    value = Weight(1, [number]) if annotation in (Weight, Weight | None) else number

    with pytest.raises(ValueNotStorable, match="not a JSON value"):
        keeps(annotation, value)


@pytest.mark.parametrize("value", ["a\x00", "\x00", ["\\\x00"], {"\x00": 1}, {"a": {"b": "\x00"}}])
def test_a_nul_character_is_refused_wherever_it_hides(value: Any) -> None:
    with pytest.raises(ValueNotStorable, match="NUL"):
        keeps(Any, value)


@pytest.mark.parametrize("value", ["\\u0000", "\\\\u0000", "\\\\\\u0000 \\", {"\\u0000": 1}])
def test_the_six_characters_that_spell_nul_are_kept(value: Any) -> None:
    assert keeps(Any, value) == value


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"\ud800": 1}])
def test_a_lone_surrogate_is_refused(value: Any) -> None:
    with pytest.raises(ValueNotStorable):
        keeps(Any, value)


@pytest.mark.parametrize("value", [object(), object, Address, lambda: 1, b"\xff"])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(ValueNotStorable):
        keeps(Any, value)


@pytest.mark.parametrize("annotation", [int, float, bool, Address, Address | None, list[int], None])
@pytest.mark.parametrize("value", ["text", Address, object(), math.nan])
def test_a_value_of_another_type_than_annotated_is_refused(annotation: Any, value: Any) -> None:
    with pytest.raises(ValueNotStorable):
        keeps(annotation, value)


@pytest.mark.parametrize("annotation", [int, float, Any])
def test_a_number_too_long_to_write_is_refused(annotation: Any) -> None:
    with pytest.raises(ValueNotStorable):
        keeps(annotation, 10**5_000)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(ValueNotStorable):
        keeps(Any, endless)


def test_a_very_deep_list_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]

    with pytest.raises(ValueNotStorable):
        keeps(Any, deep)


def test_the_limit_counts_bytes_not_characters() -> None:
    codec = Codec(str)

    assert codec.encode("ä" * 4, max_bytes=10) == '"ääää"'
    with pytest.raises(ValueTooLarge, match=r"takes 12 bytes as JSON, more than 10"):
        codec.encode("ä" * 5, max_bytes=10)


def test_a_stored_value_that_no_longer_fits_is_named() -> None:
    with pytest.raises(ValueNotStorable, match="stored value does not fit"):
        Codec(Address).decode('{"avenue": "x"}')


def test_a_class_that_refuses_a_value_in_its_own_way_makes_the_same_error() -> None:
    with pytest.raises(ValueNotStorable, match="stored value does not fit"):
        Codec(Picky).decode('{"name": "no"}')


def test_an_annotation_that_nothing_can_store_is_refused() -> None:
    with pytest.raises(DefinitionError, match="cannot be stored as JSON"):
        Codec(type("Odd", (), {}))


@given(JSON)
def test_any_json_value_comes_back_or_is_refused(value: Any) -> None:
    codec = Codec()

    try:
        text = codec.encode(value, max_bytes=PLENTY)
    except ValueNotStorable:
        return
    back = codec.decode(text)

    assert back == value
    assert codec.decode(codec.encode(back, max_bytes=PLENTY)) == back


@given(JSON)
def test_what_came_back_once_comes_back_the_same_to_the_letter(value: Any) -> None:
    try:
        once = keeps(Any, value)
    except ValueNotStorable:
        return

    assert repr(keeps(Any, once)) == repr(once)


@given(
    st.builds(
        Person,
        name=st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
        born=st.dates(),
        homes=st.just([HOME]),
        by_colour=st.dictionaries(
            st.sampled_from(Colour), st.decimals(allow_nan=False, allow_infinity=False)
        ),
    )
)
def test_any_person_comes_back(person: Person) -> None:
    assert keeps(Person, person) == person


def test_dumps_says_what_is_wrong() -> None:
    with pytest.raises(ValueNotStorable, match="not a JSON value: Object of type object"):
        dumps({"a": object()})


def test_loads_sorts_what_dumps_did_not() -> None:
    assert list(loads('{"b": 1, "a": 2}')) == ["a", "b"]


@pytest.mark.parametrize("annotation", [None, type(None), Any, int | None])
def test_none_is_null_where_the_annotation_has_it(annotation: Any) -> None:
    codec = Codec(annotation)

    assert codec.encode(None, max_bytes=PLENTY) == "null"
    assert codec.decode("null") is None


def test_the_limit_holds_for_null_too() -> None:
    with pytest.raises(ValueTooLarge):
        Codec(None).encode(None, max_bytes=3)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": [7, None]}, {"a": [7.0, None]}, True),
        ([1], [True], False),
        (0, False, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
    ],
)
def test_values_are_the_same_where_jsonb_says_so(one: Any, other: Any, same: bool) -> None:
    assert is_same(one, other) is is_same(other, one) is same
