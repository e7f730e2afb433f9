"""A run is debugged from the database, from an exported file, from an archive."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management.base import CommandError

from workflows.api import export_history
from workflows.engine.archive import Archive
from workflows.engine.debugging.found_run import find_run
from workflows.tests.engine.debugging.orders import debug, waiting_order

pytestmark = pytest.mark.django_db


def test_a_run_is_found_by_its_id() -> None:
    run = waiting_order()

    found = find_run(str(run.id))

    assert found.recorded.run_id == run.id
    assert found.row["state"] == "waiting"


def test_an_exported_run_is_debugged_where_there_is_no_such_run(tmp_path: Path) -> None:
    run = waiting_order()
    file = tmp_path / "run.json"
    file.write_text(json.dumps(export_history(run.id)))

    said = debug(str(file), "--no-input")

    assert "HISTORY ENDS HERE. Next: wait 'address'" in said
    assert "the run is" not in said


def test_an_archived_run_is_debugged_with_how_it_ended(tmp_path: Path) -> None:
    runs = [waiting_order(), waiting_order()]
    file = tmp_path / "old.jsonl.gz"
    archive = Archive(file)
    archive.write([run.id for run in runs])
    archive.close()

    said = debug(runs[1], "--archive", str(file), "--no-input")

    assert f"run {runs[1].id}" in said
    assert "the run is waiting" in said


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    file = tmp_path / "spoilt.json"
    file.write_text("{")
    archive = tmp_path / "old.jsonl"
    Archive(archive).close()
    missing = str(uuid4())

    for arguments, told in [
        (["nonsense"], "no run 'nonsense'"),
        ([missing], f"no run {missing}"),
        ([str(file)], "spoilt.json: "),
        ([str(archive)], "is an archive: give the run's id"),
        ([missing, "--archive", str(archive)], "no run .* in "),
        ([missing, "--archive", "/no/such.jsonl"], "No such file"),
    ]:
        with pytest.raises(CommandError, match=told):
            debug(*arguments)
