"""Plain functions that async steps call: in the drive's thread, on its connection."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import transaction

from workflows.api import get_history
from workflows.core.history import HistoryKind
from workflows.tests.builders import driven, until
from workflows.tests.engine.attempts.awaiting import hanging, hooks, working
from workflows.tests.flows import notes


@pytest.mark.django_db
def test_its_orm_goes_over_the_connection_of_the_drive() -> None:
    Group.objects.create(name="before")

    async def look() -> None:
        assert await Group.objects.filter(name="before").aexists()
        notes.note(str(await sync_to_async(threading.get_ident)() == threading.main_thread().ident))
        await Group.objects.acreate(name="made")

    hooks["a"] = look
    driven(working, name="a")

    assert notes.done == ["a", "True", "again"]
    assert Group.objects.filter(name="made").exists()


@pytest.mark.django_db
def test_a_plain_call_of_it_that_leaves_a_transaction_open_fails() -> None:
    def leave_open() -> None:
        transaction.atomic().__enter__()

    hooks["a"] = sync_to_async(leave_open)
    run = driven(working, name="a")

    [failed] = [each for each in get_history(run.id) if each.kind == HistoryKind.ATTEMPT_FAILED]
    assert "left a transaction open" in failed.data["error"]["message"]


@pytest.mark.django_db
def test_a_time_limit_interrupts_a_plain_call_of_it() -> None:
    def spin() -> None:
        while True:
            pass

    hooks["hang"] = sync_to_async(spin)

    assert "longer than its limit" in driven(hanging).output


@pytest.mark.django_db
def test_a_plain_call_may_raise_what_it_likes() -> None:
    def stop() -> None:
        raise StopIteration

    async def call() -> None:
        try:
            await sync_to_async(stop)()
        except RuntimeError as error:
            notes.note(str(error))

    hooks["a"] = call
    driven(working, name="a")

    assert notes.done == ["a", "StopIteration()", "again"]


@pytest.mark.django_db
def test_what_outlives_its_step_cannot_call_plain_functions() -> None:
    left: list[asyncio.Task[None]] = []

    async def call_later() -> None:
        await asyncio.sleep(0.05)
        await sync_to_async(notes.note)("too late")

    async def leave() -> None:
        left.append(asyncio.create_task(call_later()))

    hooks["a"] = leave
    driven(working, name="a")

    assert until(left[0].done)
    assert "the step has ended" in str(left[0].exception())
    assert "too late" not in notes.done
