"""When the database counts as silent: nobody was answered, nor was a connection of our own."""

import logging
from threading import Event
from time import monotonic

import pytest

from toolsite.postgresql.budget import Budget, NoAnswer
from toolsite.postgresql.silence import SUSPICIOUS_SECONDS, Silence

LONG = SUSPICIOUS_SECONDS + 60


def wait_for_the_end(silence: Silence) -> None:
    thread = silence._asking
    assert thread is not None
    thread.join(10)


def quiet_for_long(silence: Silence) -> Silence:
    silence._heard_at = monotonic() - LONG
    return silence


def test_a_short_wait_asks_nothing() -> None:
    silence = quiet_for_long(Silence(lambda seconds: pytest.fail("asked")))

    silence.suspect(SUSPICIOUS_SECONDS / 2)

    assert silence._asking is None


def test_a_long_wait_asks_nothing_where_others_are_answered() -> None:
    silence = Silence(lambda seconds: pytest.fail("asked"))
    silence.hear()

    silence.suspect(LONG)

    assert silence._asking is None


def test_a_question_that_is_answered_lets_everybody_wait() -> None:
    silence = quiet_for_long(Silence(lambda seconds: True))

    silence.suspect(LONG)
    wait_for_the_end(silence)

    assert silence.since is None
    Budget(5, silence).check(0)


def test_without_an_answer_nobody_waits_until_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, thaw = Event(), Event()

    def answers(seconds: float) -> bool:
        is_first = not asked.is_set()
        asked.set()
        return not is_first and thaw.wait(10)

    silence = quiet_for_long(Silence(answers))
    with caplog.at_level(logging.WARNING):
        silence.suspect(LONG)
        asked.wait(10)
        while silence.since is None:
            pass
        with pytest.raises(NoAnswer, match="the database is silent since"):
            Budget(5, silence).check(0)
        thaw.set()
        wait_for_the_end(silence)

    Budget(5, silence).check(0)
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "the database is silent",
        "the database answers again",
    ]
