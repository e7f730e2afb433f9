"""manage.py workflows_diagram: a workflow as SVG, Mermaid or JSON."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.core.management import CommandError, call_command

from workflows.api import load_outline, start
from workflows.picture.parts import plain
from workflows.testing import drive_until_idle
from workflows.tests.picture import drawn_flows

PARCEL = drawn_flows.parcel

PAGE = Path(__file__).resolve().parents[3] / "docs/pictures.md"


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("workflows_diagram", *arguments, stdout=out)
    return out.getvalue()


def test_it_draws_svg() -> None:
    root = ET.fromstring(told("tests.drawn_parcel"))

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}style") is not None


def test_it_tells_json_and_mermaid() -> None:
    found = json.loads(told("tests.drawn_parcel", "--json", "--of-version", "1"))

    assert found["outline"] == json.loads(json.dumps(plain(load_outline("tests.drawn_parcel"))))
    assert told("tests.drawn_parcel", "--mermaid", "--right").startswith("flowchart LR\n")


def test_the_example_of_the_docs_is_what_it_tells() -> None:
    assert f"```mermaid\n{told('submissions.link_watch', '--mermaid')}```\n" in PAGE.read_text()


@pytest.mark.django_db
def test_it_shows_what_a_run_has_done() -> None:
    run = start(PARCEL, what="letter")
    drive_until_idle()

    assert 'data-state="waiting"' in told("--run", str(run.id))
    found = json.loads(told("tests.drawn_parcel", "--run", str(run.id), "--json"))
    assert found["marks"]["n2"]["state"] == "waiting"
    with pytest.raises(
        CommandError, match=r"is of 'tests\.drawn_parcel' version 1; leave the name"
    ):
        told("tests.drawn_groups", "--run", str(run.id))
    with pytest.raises(CommandError, match="RunNotFound: "):
        told("--run", "7c0d6f2e-0000-4000-8000-000000000000")
    with pytest.raises(CommandError, match="give the name of a workflow, or --run ID"):
        told()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tests.drawn_parcl"], "there is no workflow 'tests.drawn_parcl'; did you mean"),
        (["tests.drawn_parcel", "--of-version", "7"], "no code here for version 7"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        told(*arguments)
