"""A replay in another process, with another hash seed."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from workflows.api import Context, export_history, start, step, workflow
from workflows.definitions.workflow import workflow_definition
from workflows.testing import assert_deterministic, drive_until_idle
from workflows.testing.hash_seed import difference_under_another_seed
from workflows.tests.testing import stories

pytestmark = pytest.mark.django_db
NAMES = [f"name {number}" for number in range(20)]


@step
def told(names: list[str]) -> None:
    """Do nothing with them."""


@workflow("kit.set_walker")
def set_walker(run: Context) -> None:
    """Hand on the order of a set."""
    run.step(told, list(set(NAMES)))  # workflows: ok


@workflow("kit.set_returner")
def set_returner(run: Context) -> list[str]:
    """Return the order of a set."""
    run.step(stories.note, "a")
    return list(set(NAMES))  # workflows: ok


@workflow("kit.set_sorter")
def set_sorter(run: Context) -> list[str]:
    """Go through a set in its order."""
    return [run.step(stories.note, each) for each in sorted(set(NAMES))]


def test_the_order_of_a_set_is_found_out_by_the_step_that_gets_it() -> None:
    with pytest.raises(AssertionError, match=r"another hash seed, .*'told' with names=.*sorted"):
        assert_deterministic(set_walker)


def test_the_order_of_a_set_is_found_out_by_what_is_returned() -> None:
    with pytest.raises(AssertionError, match="another hash seed, it returned"):
        assert_deterministic(set_returner)


def test_what_goes_through_sets_in_an_order_passes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_deterministic(set_sorter)


def test_the_other_process_can_be_left_out() -> None:
    assert_deterministic.using(another_hash_seed=False)(set_walker)


def test_a_workflow_that_no_other_process_can_import_is_told() -> None:
    @workflow("kit.inside")
    def inside(run: Context) -> None:
        run.step(stories.note, "a")

    with pytest.warns(UserWarning, match="left out: .*inside stands inside a function") as told:
        assert_deterministic(inside)

    assert told[0].filename == __file__


def test_a_process_that_cannot_begin_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "no_such_settings")

    with pytest.warns(UserWarning, match="left out: its process failed: .*no_such_settings"):
        assert_deterministic(set_sorter)


def test_a_module_that_has_no_name_to_import_is_read_from_its_file(tmp_path: Path) -> None:
    run = start(set_sorter)
    drive_until_idle()
    exported = export_history(run.id)
    function = workflow_definition(set_sorter).function
    text = Path(__file__).read_text().replace("kit.set_sorter", "kit.elsewhere")
    (tmp_path / "elsewhere.py").write_text(text)
    space: dict[str, object] = {"__name__": "nobodys.elsewhere"}
    code = function.__code__.replace(co_filename=str(tmp_path / "elsewhere.py"))
    elsewhere = type(function)(code, {**function.__globals__, **space})
    elsewhere.__module__ = "nobodys"

    exported["workflow"] = "kit.elsewhere"

    assert difference_under_another_seed(elsewhere, exported, None) is None


def test_it_works_in_a_project_of_strangers(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        "SECRET_KEY = 'x'\nUSE_TZ = True\nINSTALLED_APPS = ['django_q', 'workflows', 'shop']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'nowhere'}}\n"
    )
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "__init__.py").write_text("")
    (shop / "flows.py").write_text(
        "from workflows.api import Context, step, workflow\n\n@step\ndef told(names): ...\n\n"
        "@workflow('shop.order')\ndef order(run: Context):\n    print('a project prints')\n"
        "    run.step(told, list({f'name {n}' for n in range(20)}))\n"
    )
    history = {
        "format": 1,
        "run": "0b8fbb0e-6f9c-4b5e-8f5c-1f3f9f0b8c11",
        "workflow": "shop.order",
        "version": 1,
        "input": {},
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    history["history"] = [
        {
            "position": 1,
            "part": 0,
            "kind": "step_completed",
            "name": "told",
            "data": {"output": None, "arguments": {"names": "00"}},
            "at": history["created_at"],
        }
    ]
    program = (
        "import django; django.setup(); from shop.flows import order; "
        "from workflows.testing.hash_seed import difference_under_another_seed as ask; "
        f"print(ask(order, {history!r}, None))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "theirs",
            "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert "step 'told' with" in done.stdout, done.stdout + done.stderr
