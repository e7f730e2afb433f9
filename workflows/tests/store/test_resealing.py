"""Which columns of a row are sealed anew, and what they are then."""

import json
from uuid import uuid4

import pytest

from workflows.core.sealed import PayloadUnreadable, is_sealed
from workflows.store.resealing import TABLES, Row, resealed
from workflows.tests.encrypted import NEW, OLD, keys

RUNS, LINES, *_ = TABLES


def row(**columns: object) -> Row:
    run = str(uuid4())
    return Row((run,), json.dumps(columns), {"id": run, "owner": run})


def test_what_is_plain_is_sealed_and_what_is_empty_stays() -> None:
    told = row(input={"a": 1}, data={}, output=None, error={"type": "E", "message": "m"})
    with keys(NEW):
        changed = json.loads(resealed(RUNS, told, "2026-11") or "")

    assert changed.keys() == {"input", "error"}
    assert is_sealed(changed["input"])
    assert changed["error"]["type"] == "E"
    assert is_sealed(changed["error"]["message"])


def test_what_has_the_key_already_is_left_alone_beside_what_has_not() -> None:
    with keys(NEW):
        told = row(input={"a": 1})
        sealed = json.loads(resealed(RUNS, told, "2026-11") or "")
        assert resealed(RUNS, told._replace(text=json.dumps(sealed)), "2026-11") is None
        beside = json.dumps({**sealed, "data": {"b": 2}})
        assert json.loads(resealed(RUNS, told._replace(text=beside), "2026-11") or "").keys() == {
            "data"
        }


def test_an_error_that_cannot_be_read_is_never_written_as_one_that_can() -> None:
    told = row(error={"type": "E", "message": "m"})
    with keys(OLD):
        sealed = resealed(RUNS, told, "2026-10") or ""
    with keys(NEW), pytest.raises(PayloadUnreadable, match="2026-10"):
        resealed(RUNS, told._replace(text=sealed), "2026-11")


def test_a_line_of_a_kind_from_a_newer_release_is_left_to_it() -> None:
    beside = {"owner": str(uuid4()), "kind": "quantum", "name": "", "position": 1, "part": 0}
    with keys(NEW):
        assert resealed(LINES, Row((1,), '{"data": {"output": 1}}', beside), "2026-11") is None
