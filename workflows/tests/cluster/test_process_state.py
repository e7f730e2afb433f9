"""Whether a process lives, and whether it is stopped."""

import os
import signal
import subprocess

from workflows.cluster import process_state


def test_a_stopped_process_does_not_go_on_and_yet_lives() -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        before = process_state.goes_on(sleeper.pid)
        os.kill(sleeper.pid, signal.SIGSTOP)
        os.waitpid(sleeper.pid, os.WUNTRACED)
        stopped = (process_state.goes_on(sleeper.pid), process_state.lives(sleeper.pid))
    finally:
        sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    dead = (process_state.goes_on(sleeper.pid), process_state.lives(sleeper.pid))
    sleeper.wait()

    assert (before, stopped, dead) == (True, (False, True), (False, False))
