"""The supervisor with tiny services: restarts are bounded, and stopping is sure."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import supervise
from ops.supervise import GaveUp, Service, python_service

DIES = "import sys; sys.stderr.write('the disk is on fire\\n'); sys.exit(3)"
LIVES = """
import signal, sys, time
from pathlib import Path

def stop(*_):
    Path(sys.argv[1] + ".stopped").write_text(str(time.monotonic_ns()))
    sys.exit()

signal.signal(signal.SIGTERM, stop)
Path(sys.argv[1] + ".up").touch()
time.sleep(600)
"""
IS_DEAF = LIVES.replace("SIGTERM, stop", "SIGTERM, signal.SIG_IGN")


def service(name: str, code: str, folder: Path) -> Service:
    command = [sys.executable, "-c", code, str(folder / name)]
    return python_service(name, command, env=dict(os.environ), logs=folder)


def when_up(folder: Path, *names: str) -> Callable[[], None]:
    """Return a function that asks the supervisor to stop as soon as these services are up."""

    def tick() -> None:
        if all((folder / f"{name}.up").exists() for name in names):
            signal.raise_signal(signal.SIGTERM)

    return tick


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for long."""
    monkeypatch.setattr(supervise, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(supervise, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(supervise, "STOP_SECONDS", 1)


def test_a_service_that_keeps_dying_stops_everything_and_shows_its_log(tmp_path: Path) -> None:
    healthy, broken = service("web", LIVES, tmp_path), service("cluster", DIES, tmp_path)

    with pytest.raises(GaveUp, match="the disk is on fire") as gave_up:
        supervise.supervise([healthy, broken], each_tick=lambda: None)

    assert "cluster died 5 times" in str(gave_up.value)
    assert healthy.child is None


def test_a_signal_ends_everything_and_becomes_the_exit_code(tmp_path: Path) -> None:
    lives = service("web", LIVES, tmp_path)

    code = supervise.supervise([lives], each_tick=when_up(tmp_path, "web"))

    assert code == 128 + signal.SIGTERM
    assert lives.child is None
    assert (tmp_path / "web.stopped").exists()


def test_a_service_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    deaf = service("web", IS_DEAF, tmp_path)

    supervise.supervise([deaf], each_tick=when_up(tmp_path, "web"))

    assert deaf.child is None
    assert not (tmp_path / "web.stopped").exists()


def test_what_the_others_need_stops_after_them(tmp_path: Path) -> None:
    needed, other = service("postgres", LIVES, tmp_path), service("web", LIVES, tmp_path)
    needed.stops_last = True

    supervise.supervise([needed, other], each_tick=when_up(tmp_path, "web", "postgres"))

    # Not the files' times: the kernel tells those by its tick, and both may fall into one.
    stopped_at = {
        name: int((tmp_path / f"{name}.stopped").read_text()) for name in ["web", "postgres"]
    }
    assert stopped_at["web"] < stopped_at["postgres"]


def test_the_signal_handlers_of_before_are_back_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    supervise.supervise([service("web", LIVES, tmp_path)], each_tick=when_up(tmp_path, "web"))

    assert signal.getsignal(signal.SIGTERM) is before


COUNTS = LIVES.replace('.up").touch()', '.up").open("a").write("x")')


def when_started(path: Path, times: int, ask: Callable[[], None]) -> Callable[[], None]:
    """Return a function that asks for a new start after the first, and for the end after so many."""
    asked: list[bool] = []

    def tick() -> None:
        starts = len(path.read_text()) if path.exists() else 0
        if starts >= times:
            signal.raise_signal(signal.SIGTERM)
        elif starts == 1 and not asked:
            asked.append(True)
            ask()

    return tick


@pytest.mark.parametrize(
    "code", [COUNTS, COUNTS.replace("SIGTERM, stop", "SIGTERM, signal.SIG_IGN")]
)
def test_a_service_that_is_to_start_again_is_asked_to_stop_and_has_not_died(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "LEAVING_SECONDS", 0.5)
    monkeypatch.setattr(supervise, "MAX_DEATHS", 1)
    one = service("cluster", code, tmp_path)

    supervise.supervise([one], each_tick=when_started(tmp_path / "cluster.up", 2, one.start_again))

    assert (tmp_path / "cluster.up").read_text() == "xx"
    assert (tmp_path / "cluster.stopped").exists() == ("SIG_IGN" not in code)
    assert one.deaths == []
