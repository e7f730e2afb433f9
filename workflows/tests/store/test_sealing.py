"""What is sealed of a line and of a run's row, and what stays for SQL to see."""

from base64 import b64encode
from uuid import uuid4

import pytest
from django.test import override_settings

from workflows.core.history import HistoryKind
from workflows.core.sealed import PayloadUnreadable, is_sealed
from workflows.core.signature import Input
from workflows.encryption import AesGcm
from workflows.store.sealing import Opener, opened_input, sealed_input, sealed_text, sealer

RUN = uuid4()
SET = override_settings(WORKFLOWS={"codec": AesGcm({"new": b64encode(b"n" * 32).decode()})})
ERROR = {"type": "ValueError", "message": "a", "traceback": "b", "kind": "business"}


def test_without_a_codec_nothing_is_sealed() -> None:
    assert sealer(RUN) is None
    assert sealed_text(RUN, "output", "1") == "1"


@SET
def test_of_a_line_values_are_sealed_and_the_rest_is_not() -> None:
    data = {"error": ERROR, "attempt": 1, "arguments": {}, "heartbeat": 5, "seconds": 0.5}
    sealing = sealer(RUN)
    assert sealing is not None

    line = sealing.line(HistoryKind.ATTEMPT_FAILED, "step", "1.2", data)

    assert is_sealed(line["heartbeat"])
    assert is_sealed(line["error"]["message"])
    assert (line["error"]["type"], line["attempt"], line["arguments"]) == ("ValueError", 1, {})
    opener = Opener(RUN)
    assert opener.line(HistoryKind.ATTEMPT_FAILED, "step", "1.2", line) == data
    assert opener.failed is None


@SET
def test_a_line_does_not_open_in_another_place_or_run() -> None:
    sealing = sealer(RUN)
    assert sealing is not None
    line = sealing.line(HistoryKind.STEP_COMPLETED, "step", "1.0", {"output": 1})

    for owner, place in ((RUN, "2.0"), (uuid4(), "1.0")):
        opener = Opener(owner)
        opener.line(HistoryKind.STEP_COMPLETED, "step", place, line)
        with pytest.raises(PayloadUnreadable):
            opener.strict()


@SET
def test_an_input_is_opened_for_the_run_that_it_was_sealed_for() -> None:
    given = Input('{"a": 1}', "{}")
    sealed = sealed_input(RUN, given)

    assert sealed.given != given.given
    assert sealed.defaults == "{}"
    assert opened_input(RUN, *sealed) == given
    with pytest.raises(PayloadUnreadable):
        opened_input(uuid4(), *sealed)
