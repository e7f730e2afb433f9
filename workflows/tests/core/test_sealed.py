"""Sealed values: JSON of one name, bound to their place; nobody's own value is taken for one."""

import pytest

from workflows.core.codec import SEALED, as_text, dumps
from workflows.core.errors import ValueNotStorable
from workflows.core.sealed import PayloadUnreadable, bound, is_sealed, key_of, opened, seal


class Backwards:
    """A codec with one key, that hides nothing."""

    writes = "k"

    def encrypt(self, plain: bytes, bound_to: bytes) -> tuple[str, bytes]:
        return "k", bound_to + plain[::-1]

    def decrypt(self, key_id: str, text: bytes, bound_to: bytes) -> bytes:
        if key_id != "k":
            raise KeyError(key_id)
        if not text.startswith(bound_to):
            raise ValueError
        return text.removeprefix(bound_to)[::-1]


HERE = bound("a", "run", "output")


def test_a_sealed_value_is_json_that_names_its_key() -> None:
    value = seal(Backwards(), "[1, 2]", HERE)

    assert is_sealed(value)
    assert key_of(value) == "k"
    assert as_text({"a": value}).startswith(f'{{"a": {{"{SEALED}": "k:')
    assert opened(Backwards(), value, HERE) == "[1, 2]"


def test_what_cannot_be_opened_is_told_with_its_key() -> None:
    value = seal(Backwards(), "1", HERE)

    for codec, sealed, place, words in (
        (None, value, HERE, "not set"),
        (Backwards(), {SEALED: "x:MQ=="}, HERE, "does not have"),
        (Backwards(), {SEALED: "k:!"}, HERE, "changed"),
        (Backwards(), value, bound("b", "run", "output"), "moved"),
    ):
        with pytest.raises(PayloadUnreadable, match=words):
            opened(codec, sealed, place)


@pytest.mark.parametrize("value", [{SEALED: "k:MQ=="}, [{"a": {SEALED: 1}}]])
def test_a_value_of_the_application_cannot_look_like_one(value: object) -> None:
    with pytest.raises(ValueNotStorable, match="another name"):
        dumps(value)


def test_a_text_that_only_mentions_it_is_kept() -> None:
    assert dumps([SEALED, f'"{SEALED}": "'])
