"""A step that overruns its limit is stopped, whatever it is doing, and counts as a failed attempt."""

import signal
import subprocess
import sys
import time

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from workflows.api import Context, RetryPolicy, RunState, get_history, step, workflow
from workflows.core.history import HistoryKind
from workflows.engine.attempts.time_limit import Limit, TimeLimitReached, call_within
from workflows.tests.builders import driven, elsewhere
from workflows.tests.flows import ONCE, greet, notes

LIMIT = 0.15
LONG = 60.0
"""Far longer than any limit here: a test that waits for it hangs."""


def overrun_after_a_limit_inside() -> None:
    assert call_within(Limit(LONG), lambda: "in time") == "in time"
    time.sleep(LONG)


def sleep() -> None:
    time.sleep(LONG)


def spin() -> None:
    while True:
        pass


def swallow_errors_forever() -> None:
    while True:
        try:
            time.sleep(LONG)
        except Exception:
            notes.note("swallowed")


def swallow_everything_and_return() -> None:
    try:
        time.sleep(LONG)
    except BaseException:
        notes.note("swallowed")


def tidy_up() -> None:
    try:
        time.sleep(LONG)
    finally:
        notes.note("tidied up")


def wait_in_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [LONG])


def wait_in_a_transaction() -> None:
    with transaction.atomic():
        Group.objects.create(name="left")
        wait_in_the_database()


DEEDS = {
    deed.__name__: deed
    for deed in (
        sleep,
        spin,
        swallow_errors_forever,
        swallow_everything_and_return,
        tidy_up,
        wait_in_the_database,
        wait_in_a_transaction,
        overrun_after_a_limit_inside,
    )
}


@step(retry=ONCE, timeout_seconds=LIMIT)
def overrun(deed: str) -> None:
    DEEDS[deed]()


@step(retry=ONCE, timeout_seconds=LIMIT, atomic=True)
def overrun_atomically(deed: str) -> None:
    Group.objects.create(name="left by the step")
    DEEDS[deed]()


@workflow("tests.overrun")
def overrunning(run: Context, deed: str, atomic: bool) -> list[str]:
    try:
        run.step(overrun_atomically if atomic else overrun, deed)
    except Exception as exc:
        return [str(exc), run.step(greet, "Bob")]
    return ["no limit held"]


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("atomic", [False, True], ids=["plain", "atomic"])
@pytest.mark.parametrize("deed", DEEDS)
def test_a_step_that_overruns_is_stopped_and_the_run_goes_on(deed: str, atomic: bool) -> None:
    run = driven(overrunning, deed=deed, atomic=atomic)

    said, greeting = run.output
    assert said.endswith("StepTimedOut: the step ran longer than its limit of 0.15 s")
    assert greeting == "Hello, Bob"
    assert not Group.objects.exists()
    assert not connection.in_atomic_block


@pytest.mark.usefixtures("committed")
def test_a_statement_under_way_is_cancelled_on_the_server() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [began] = cursor.fetchone()

    driven(overrunning, deed="wait_in_the_database", atomic=False)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state = 'active' AND query LIKE 'SELECT pg_sleep%%' AND query_start > %s",
            [began],
        )
        assert cursor.fetchone() == (0,)


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=0), timeout_seconds=LIMIT)
def slow_at_first() -> str:
    notes.note("tried")
    if notes.count("tried") == 1:
        time.sleep(LONG)
    return "done"


@workflow("tests.slow_at_first")
def trying_again(run: Context) -> str:
    return run.step(slow_at_first)


@pytest.mark.django_db
def test_an_overrun_is_a_failed_attempt_like_any_other() -> None:
    run = driven(trying_again)

    assert (run.state, run.output) == (RunState.COMPLETED, "done")
    [failed] = [e for e in get_history(run.id) if e.kind == HistoryKind.ATTEMPT_FAILED]
    assert failed.data["error"]["type"].endswith("StepTimedOut")
    assert (failed.data["attempt"], failed.data["attempts"]) == (1, 2)


def test_within_the_limit_nothing_happens_and_nothing_is_left_armed() -> None:
    before = signal.getsignal(signal.SIGALRM)

    result = call_within(Limit(LONG), lambda: "in time")

    assert result == "in time"
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [1e-6, 1e-5, 1e-4])
def test_a_limit_that_is_over_before_the_step_begins_leaves_nothing_armed(seconds: float) -> None:
    before = signal.getsignal(signal.SIGALRM)

    with pytest.raises(TimeLimitReached):
        call_within(Limit(seconds), spin)

    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_error_of_the_step_itself_is_passed_on() -> None:
    def broken() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        call_within(Limit(LONG), broken)

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_limit_holds_in_another_thread_too() -> None:
    outcome = elsewhere(lambda: call_within(Limit(LIMIT), spin))

    with pytest.raises(TimeLimitReached):
        outcome.result(LONG)


PROFILED = """
import cProfile, json, threading
from workflows.engine.attempts.time_limit import Limit, TimeLimitReached, call_within

def overrun():
    try:
        call_within(Limit(0.01), lambda: [None for _ in iter(int, 1)])
    except TimeLimitReached:
        print("stopped")

for limited in (lambda: call_within(Limit(60), int), overrun):
    thread = threading.Thread(target=limited)
    thread.start()
    thread.join()
    cProfile.Profile().runcall(json.dumps, {"a": [1, {"b": 2}]}, indent=2)
"""


def test_a_limit_in_a_thread_leaves_nothing_on_which_a_profiler_hangs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROFILED], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "stopped\n"


def test_a_step_in_another_thread_that_is_in_time_is_left_alone() -> None:
    outcome = elsewhere(lambda: call_within(Limit(LONG), lambda: "in time"))

    assert outcome.result(LONG) == "in time"


STUCK = """
import hashlib
from workflows.engine.attempts import time_limit

time_limit.GRACE_SECONDS = 0.3
time_limit.call_within(time_limit.Limit(0.1), lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1))
"""


def test_a_step_stuck_where_python_cannot_interrupt_it_ends_with_its_process() -> None:
    process = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=LONG, check=False
    )

    assert process.returncode == 1
    assert "Timeout" in process.stderr


IN_C_AFTER_A_BEAT = """
import ctypes, time
from workflows.engine.attempts import time_limit
from workflows.engine.attempts.time_limit import Limit, call_within

time_limit.GRACE_SECONDS = 0.3

class Moment(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]

def stay_in_c(seconds):
    libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(256)
    until = time.time() + seconds
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_timedlock(mutex, ctypes.byref(Moment(int(until), int(until % 1 * 1e9))))

limit = Limit(None, 1.5)

def step():
    time.sleep(1.4)
    limit.beat()
    stay_in_c(0.8)
    return "beats on"

print(call_within(limit, step))
"""


def test_a_heartbeat_puts_off_the_end_of_the_process_too() -> None:
    process = subprocess.run(
        [sys.executable, "-c", IN_C_AFTER_A_BEAT],
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )

    assert process.stdout == "beats on\n", process.stderr


def test_a_limit_inside_another_leaves_the_outer_one_in_force() -> None:
    def inside_and_longer() -> None:
        call_within(Limit(LONG), lambda: None)
        sleep()

    with pytest.raises(TimeLimitReached):
        call_within(Limit(LIMIT), inside_and_longer)

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
