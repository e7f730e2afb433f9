"""pdb, in the workflow's code, before each operation."""

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from workflows.engine.debugging.prompt import is_attached
from workflows.models import Run
from workflows.tests.engine.debugging import orders
from workflows.tests.engine.debugging.orders import debug, deployed, waiting_order

pytestmark = pytest.mark.django_db


def test_it_stops_in_the_code_before_each_operation() -> None:
    said = debug(waiting_order(), typed="p amount\nnext operation\np amount\nc\np reference\n")

    assert f"> {orders.__file__}(" in said and "-> run.now()" in said
    assert "(workflow) 17" in said and "(workflow) 'ref-7'" in said
    assert "position 3" in said and "position 6" not in said


def test_it_steps_through_the_code_and_never_into_the_engine() -> None:
    said = debug(waiting_order(), typed="step\nstep\nstep\nstep\nnext\nwhere\nquit\n")

    stops = [line for line in said.splitlines() if "> /" in line]
    assert len(stops) >= 5
    assert all(orders.__file__ in line for line in stops)
    assert sys.gettrace() is None or "pdb" not in str(sys.gettrace())


def test_breakpoints_of_pdb_hold() -> None:
    code = Path(orders.__file__).read_text().splitlines()
    line = next(n for n, text in enumerate(code, 1) if '["what"] == "a mistake"' in text)

    said = debug(
        waiting_order(), typed=f"b {orders.__file__}:{line}\nc\nc\np 'here', reference\nquit\n"
    )

    assert "('here', 'ref-7')" in said
    assert f"({line})order()" in said


def test_it_goes_to_a_position_without_a_stop() -> None:
    there = debug(waiting_order(), typed="operation 3\noperation\nquit\n")
    at_once = debug(waiting_order(), "--until", "3", typed="p reference\nquit\n")

    assert "position 2:" not in there and there.count("position 3:") == 2
    assert "position 1:" not in at_once and "(workflow) 'ref-7'" in at_once


def test_it_shows_history_and_what_the_run_keeps() -> None:
    said = debug(waiting_order(), typed="data\nhistory\nhistory 2\noperation x\nquit\n")

    assert "data {'order': 7}" in said
    assert said.count("position 2: attempt failed 'charge'") == 2
    assert "raise ConnectionError" in said  # whole: with its place
    assert "give the number of a position" in said


def test_it_stops_where_code_and_history_part() -> None:
    run = waiting_order()
    deployed["what"] = "another argument"

    said = debug(run, typed="operation 3\np 'now', amount\nquit\n")

    assert "THE CODE LEAVES HISTORY HERE" in said
    assert "(workflow) ('now', 18)" in said


def test_it_stops_where_the_code_raises() -> None:
    run = waiting_order()
    deployed["what"] = "a mistake"

    said = debug(run, typed="end\np 'there', reference\nquit\n")

    assert "THE CODE RAISES KeyError: 'address'" in said
    assert "(workflow) ('there', 'ref-7')" in said


def test_what_is_typed_cannot_write() -> None:
    run = waiting_order()

    said = debug(
        run,
        typed="from django.contrib.auth.models import Group\n"
        "from django.db import transaction\n"
        "from workflows.api import cancel\n"
        "p Group.objects.count()\n"
        "exec(\"with transaction.atomic(): Group.objects.create(name='typed')\")\n"
        f"exec(\"with transaction.atomic(): cancel('{run.id}')\")\n"
        "quit\n",
    )

    assert "(workflow) 0\n" in said
    assert "cannot execute INSERT in a read-only transaction" in said
    assert said.count("in a read-only transaction") == 2
    assert Run.objects.get(pk=run.id).state == "waiting"


def test_another_debugger_is_asked_where_one_is_attached() -> None:
    stops: list[Any] = []

    def hook(*args: Any, **kwargs: Any) -> None:
        stops.append(sys._getframe(1).f_locals["stop"].position)

    with mock.patch.object(sys, "breakpointhook", hook):
        attached = is_attached()
        debug(waiting_order())

    assert attached and not is_attached()
    assert stops == [1, 2, 3, 6]
