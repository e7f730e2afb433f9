"""Test workflows without a cluster, in TestCase and TransactionTestCase."""

from workflows.testing.crashes import CrashReport, crash_everywhere
from workflows.testing.driving import (
    advance,
    drive_until_idle,
    forget_time,
    history_of,
    pass_time,
    send,
    stream_of,
)
from workflows.testing.fakes import Fake, fake
from workflows.testing.replaying import assert_deterministic, replay_history, save_history
from workflows.testing.ticking import begin_schedules

__all__ = [
    "CrashReport",
    "Fake",
    "advance",
    "assert_deterministic",
    "begin_schedules",
    "crash_everywhere",
    "drive_until_idle",
    "fake",
    "forget_time",
    "history_of",
    "pass_time",
    "replay_history",
    "save_history",
    "send",
    "stream_of",
]
