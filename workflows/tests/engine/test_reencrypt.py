"""Everything that is stored is encrypted anew, with the newest key or with none, and loses nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from workflows.api import (
    Context,
    InvalidInput,
    get_history,
    get_run,
    get_schedule,
    list_steps,
    put_schedule,
    read_stream,
    result,
    send_event,
    start,
    step,
    update,
    workflow,
)
from workflows.encryption import AesGcm
from workflows.engine import reencrypt as module
from workflows.engine.drive.drive import drive
from workflows.engine.history_export import export_history
from workflows.engine.reencrypt import Progress, reencrypt
from workflows.models import History, Run
from workflows.store import reencrypt as store
from workflows.testing import drive_until_idle, replay_history
from workflows.tests.builders import claim, driven, elsewhere
from workflows.tests.encrypted import NEW, OLD, SECRET, keys, stored
from workflows.tests.flows import greet_once
from workflows.tests.sealed_flows import answers, broken, hop, parent, speaker, story, tell

pytestmark = pytest.mark.django_db


@contextmanager
def only_reading() -> Iterator[None]:
    """Let nothing be encrypted any more."""
    codec = AesGcm({**OLD, **NEW}, writes="")
    with override_settings(WORKFLOWS={"codec": codec}):
        yield


def done(**options: bool) -> dict[str, Progress]:
    """Encrypt all anew; return how it went, by table."""
    return {progress.table: progress for progress in reencrypt(**options)}


def written(**options: bool) -> Counter[str]:
    """The same, as the numbers of rows that were written."""
    return +Counter({table: each.written for table, each in done(**options).items()})


def some_of_everything() -> list[Run]:
    """Make runs that have ended, wait, failed, continued, have children, answers and a schedule."""
    broken.append("yes")
    failed = start(parent, word=SECRET, baggage={"who": SECRET})
    drive_until_idle()
    broken.clear()
    ended, waits = driven(story, word=SECRET), driven(story, word=SECRET)
    send_event(ended.id, "go", SECRET)
    send_event(waits.id, "later", SECRET, key="later")
    asked, chain = driven(answers, word=SECRET), driven(hop, word=SECRET)
    speaks = driven(speaker, word=SECRET)
    update(asked.id, "add", SECRET, key="u")
    with pytest.raises(Exception, match="not"):
        update(asked.id, "add", "bad")
    put_schedule("nightly", greet_once, every_seconds=60, input={"name": SECRET})
    drive_until_idle()
    return [Run.objects.get(pk=each.id) for each in (failed, ended, waits, asked, chain, speaks)]


def seen(runs: list[Run]) -> list[object]:
    """Return all that can be read of these runs, and of the schedule."""
    told: list[object] = [get_schedule("nightly").rules]
    for run in runs:
        told += [get_run(run.pk), get_run(run.pk, newest=True), get_history(run.pk)]
        told += [*list_steps(run.pk), *read_stream(run.pk, timeout_seconds=0)]
    return told


def go_on(runs: list[Run]) -> None:
    """Let them end, each knowing what it has known."""
    _, ended, waits, asked, chain, _ = runs
    for each in (waits, asked, chain):
        send_event(each.pk, "go", SECRET)
    send_event(waits.pk, "later", SECRET, key="later")  # known, whatever encrypts it
    drive_until_idle()
    assert update(asked.pk, "add", SECRET, key="u") == f"{SECRET} told {SECRET}"
    assert result(waits.pk)[:2] == [f"told {SECRET}", SECRET]
    assert result(chain.pk) == [f"told {SECRET}", SECRET]
    for each in (ended, waits, asked):
        replay_history(export_history(each.pk))


def test_the_newest_key_takes_the_place_of_the_old_one_everywhere() -> None:
    with keys(OLD):
        runs = some_of_everything()
        before = seen(runs)
    with keys(OLD, NEW):
        found = written()
        assert "2026-10" not in stored()
        assert written() == Counter()
    with keys(NEW):
        assert seen(runs) == before
        go_on(runs)

    assert found.keys() == {"runs", "lines of history", "events", "schedules", "chunks of streams"}
    assert SECRET not in stored()


def test_what_was_plain_is_encrypted_and_decrypted_again() -> None:
    with keys():
        runs = some_of_everything()
        before, plain = seen(runs), stored()
    with keys(NEW):
        assert written(dry_run=True) == written()
        assert SECRET not in stored()
        assert seen(runs) == before
    with only_reading():
        start(greet_once, name="in the clear")
        assert "in the clear" in stored()
        written()
        assert "$sealed" not in stored()
    with keys():
        assert seen(runs) == before
        go_on(runs)
    assert SECRET in plain


def test_a_dry_run_counts_and_writes_nothing() -> None:
    with keys(OLD):
        some_of_everything()
        before = stored()
    with keys(OLD, NEW):
        assert written(dry_run=True)["runs"] == Run.objects.count()
        assert stored() == before


def test_what_cannot_be_read_stays_and_is_counted_by_its_key() -> None:
    with keys(OLD):
        run = driven(story, word=SECRET)
        send_event(run.id, "go", SECRET)
        drive_until_idle()
        before = stored()
    with keys(NEW):
        found = done()

        assert stored() == before
        assert found["runs"].unreadable == {"2026-10": 1}
        assert found["lines of history"].unreadable["2026-10"] > 3
    with keys(OLD):
        assert result(run.id)[1] == SECRET


def test_it_goes_on_where_it_was_cut_off() -> None:
    with keys():
        for number in range(5):
            start(greet_once, name=f"{SECRET} {number}")
    with keys(NEW), mock.patch.object(module, "PAGE", 2):
        first = next(iter(reencrypt()))
        assert (first.seen, first.written, first.total) == (2, 2, 5)
        assert written()["runs"] == 3


def test_a_row_that_has_changed_since_it_was_read_is_read_again() -> None:
    with keys():
        run = start(greet_once, name=SECRET)
    real = store.write_rows

    def late(*given: Any) -> set[Any]:
        with mock.patch.object(store, "write_rows", real):
            Run.objects.filter(data={}).update(data={"seen": SECRET})
            return real(*given)

    with keys(NEW):
        with (
            mock.patch.object(store, "write_rows", late),
            mock.patch.object(module, "REST_SECONDS", 0.0),
        ):
            found = done()
        assert (found["runs"].written, found["runs"].busy) == (1, 0)
        assert SECRET not in stored()
        assert get_run(run.id).data == {"seen": SECRET}


@step
def change_keys(word: str) -> str:
    """Let another process encrypt all anew, while a drive is here."""
    elsewhere(done).result()
    return word


@workflow("tests.sealed_rotation")
def rotation(run: Context, word: str) -> list[str]:
    """Know what was read with the old key, and write with the new one."""
    run.data["heard"] = word
    return [run.step(tell, word), run.step(change_keys, word), run.step(tell, word)]


@pytest.mark.usefixtures("committed")
def test_a_drive_goes_on_while_its_run_is_encrypted_anew() -> None:
    with keys(OLD):
        run = start(rotation, word=SECRET)
    with keys(OLD, NEW):
        drive(claim())
    with keys(NEW):
        assert result(run.id) == [f"told {SECRET}", SECRET, f"told {SECRET}"]
        assert get_run(run.id).data == {"heard": SECRET}
        replay_history(export_history(run.id))
    assert "2026-10" not in stored()


def test_without_a_codec_it_says_what_to_do() -> None:
    with keys(), pytest.raises(InvalidInput, match="only read first"):
        done()


def test_history_is_still_not_changed_by_anybody_else() -> None:
    driven(greet_once, name="Ann")
    line = History.objects.filter(position=1)
    changes: list[dict[str, Any]] = [{"name": "another"}, {"data": {}}]
    for change in changes:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            line.update(**change)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('workflows.reencrypting', 'on', true)")
        line.update(name="another")
