"""workflows.encryption: keys by id, values bound to their place, and no key in what is printed."""

import copy
import pickle
from base64 import b64encode
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from workflows.checks import check_codec
from workflows.conf import Conf, conf
from workflows.encryption import AesGcm

OLD, NEW = (b64encode(letter * 32).decode() for letter in (b"o", b"n"))
codec = AesGcm({"old": OLD, "new": NEW})


def test_the_last_key_writes_and_all_of_them_read() -> None:
    key_id, text = AesGcm({"old": OLD, "new": NEW}, writes="old").encrypt(b"42", b"here")

    assert key_id == "old"
    assert codec.encrypt(b"42", b"here")[0] == "new"
    assert codec.decrypt("old", text, b"here") == b"42"


def test_a_text_opens_in_its_own_place_and_with_its_own_key_only() -> None:
    _, text = codec.encrypt(b"42", b"here")

    for key_id, changed, place in (
        ("new", text, b"there"),
        ("old", text, b"here"),
        ("new", text[:-1] + bytes([text[-1] ^ 1]), b"here"),
        ("new", b"", b"here"),
    ):
        with pytest.raises(ValueError):
            codec.decrypt(key_id, changed, place)
    with pytest.raises(KeyError):
        codec.decrypt("another", text, b"here")


@pytest.mark.parametrize(
    "keys", [{}, None, {"a:b": NEW}, {"a": "c2hvcnQ="}, {"a": "no base64"}, {"a": None}]
)
def test_wrong_keys_are_refused_without_being_told(keys: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="AesGcm") as refused:
        AesGcm(keys)

    assert "no base64" not in str(refused.value)
    with pytest.raises(ImproperlyConfigured, match="to write with"):
        AesGcm({"old": OLD}, writes="new")


def test_no_key_stands_in_what_is_printed_copied_or_pickled() -> None:
    assert repr(Conf(codec=codec)).count("AesGcm(keys: old, new; writes new)") == 1
    assert copy.deepcopy(codec) is codec
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(codec)


def test_to_turn_encryption_off_it_only_reads() -> None:
    off = AesGcm({"old": OLD, "new": NEW}, writes="")

    assert off.writes == ""
    assert off.decrypt(*codec.encrypt(b"42", b"here"), b"here") == b"42"
    assert repr(off) == "AesGcm(keys: old, new; writes plain values)"


@pytest.mark.parametrize(("writes", "told"), [("", ["workflows.W019"]), ("new", [])])
def test_a_codec_that_only_reads_is_told_at_start_up(writes: str, told: list[str]) -> None:
    with override_settings(WORKFLOWS={"codec": AesGcm({"new": NEW}, writes=writes)}):
        assert [each.id for each in check_codec()] == told


class Own:
    """A codec of somebody's own, which compares as any object does."""

    writes = "k"

    def encrypt(self, plain: bytes, bound_to: bytes) -> tuple[str, bytes]:
        return "k", plain

    def decrypt(self, key_id: str, text: bytes, bound_to: bytes) -> bytes:
        return text


def test_settings_with_a_codec_of_ones_own_are_read_once() -> None:
    with override_settings(WORKFLOWS={"codec": Own()}):
        assert conf() is conf()


@pytest.mark.parametrize("wrong", ["nowhere.codec", 5, object()])
def test_what_does_not_encrypt_is_refused_as_a_setting(wrong: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"WORKFLOWS\['codec'\]"):
        Conf(codec=wrong)


def test_a_codec_may_be_named_by_its_path() -> None:
    assert Conf(codec="workflows.tests.test_encryption.codec").payload_codec is codec
