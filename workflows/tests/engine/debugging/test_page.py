"""docs/debugging.md: its code is run, and its commands say what it lets expect."""

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import call_command

from workflows.api import RunState, get_run, retry_now, start
from workflows.definitions import workflow as registry
from workflows.testing import drive_until_idle, send
from workflows.tests.engine.debugging.orders import debug
from workflows.tests.registering import own_workflows

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[4] / "docs" / "debugging.md"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the file that the page writes, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    with own_workflows():
        yield tmp_path / "shop" / "flows.py"
    sys.modules.pop("shop.flows", None)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.S | re.M)


def deploy(file: Path, text: str) -> ModuleType:
    registry._workflows.pop(("shop.order", 1), None)
    file.write_text(text)
    spec = importlib.util.spec_from_file_location("shop.flows", file)
    assert spec is not None and spec.loader is not None
    module = sys.modules["shop.flows"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def changed(change: str) -> str:
    """Return the whole file with a changed workflow."""
    return blocks("python")[0].partition("@workflow")[0] + change


def typed(shown: str) -> list[str]:
    """Return what the page types at the prompt."""
    return re.findall(r"^\(workflow\) (.*)$", shown, re.M)


def expected(shown: str) -> str:
    """Return what a command is to say: no terminal shows here what is typed."""
    told = re.sub(r"^(\(workflow\) ).*\n", r"\1", shown.partition("\n")[2], flags=re.M)
    return masked(told).rstrip()


def said(run: str, shown: str, here: Path) -> str:
    """Return what a command of the page says, with the page's folder and id."""
    command = shown.partition("\n")[0]
    keys = "".join(f"{each}\n" for each in typed(shown))
    told = debug(run, *command.split()[5:], typed=keys or None)
    told = told[told.index(f"run {run}") :]  # behind the list of commands
    return masked(told.replace(run, "RUN").replace(str(here), "/srv")).rstrip()


def masked(told: str) -> str:
    """Return it without times, which differ from run to run."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC|\d+\.\d{3} s", "TIME", told)


def test_the_way_from_blocked_to_mended_is_as_printed(shop: Path, tmp_path: Path) -> None:
    module = deploy(shop, blocks("python")[0])
    run = str(start(module.order, order_id=7, cents=20_000).id)
    drive_until_idle()
    wrong, mended = blocks("py")
    plain, asking, again, _ = blocks("text")

    deploy(shop, changed(wrong))
    send(run, "parcel", "P-1")
    assert get_run(run).state == RunState.BLOCKED
    assert said(run, plain, tmp_path) == expected(plain)
    assert said(run, asking, tmp_path) == expected(asking)

    deploy(shop, changed(mended))
    assert said(run, again, tmp_path) == expected(again)
    retry_now(run, by="ann")
    drive_until_idle()
    assert get_run(run).output == "ref-7: P-1 from shelf 7"


def test_the_profile_has_the_rows_that_are_printed(shop: Path) -> None:
    deploy(shop, blocks("python")[0])
    command, _, expected = blocks("text")[3].partition("\n")
    out = StringIO()

    call_command(*shlex.split(command)[3:], stdout=out, stderr=StringIO())

    assert skeleton(out.getvalue()) == skeleton(expected)
    assert "order" in re.findall(r"flows\.py:\d+ (\w+)", out.getvalue())


def skeleton(said: str) -> list[str]:
    """Return the lines without figures and functions, which differ from machine to machine."""
    return [
        re.sub(r" +[\d.,]+%?", " N", line) for line in said.splitlines() if " calls  " not in line
    ]
