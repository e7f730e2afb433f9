"""Pictures as SVG."""

from xml.etree import ElementTree as ET

from workflows.api import Context, load_outline, workflow
from workflows.picture.graph import Graph
from workflows.picture.make_graph import graph_of
from workflows.picture.overlay import Mark, Overlay
from workflows.picture.svg import draw, draw_file
from workflows.tests.picture.drawn_flows import pack, parcel

SVG = "{http://www.w3.org/2000/svg}"


@workflow('tests.drawn_<b>&"hostile"')
def hostile(run: Context) -> None:
    run.set_status("</title><script>alert(1)</script>")
    run.wait_event("<script>alert('x')</script>")
    if run.wait_event("x") == "<!-- ]]> &amp; \x0b -->":
        run.step(pack)


def graph() -> Graph:
    return graph_of(load_outline(parcel))


def test_it_has_a_title_a_description_and_nothing_a_strict_csp_refuses() -> None:
    drawn = draw(graph(), id="p7")
    root = ET.fromstring(drawn)

    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "p7-title p7-desc"
    assert root.findtext(f"{SVG}title") == "tests.drawn_parcel, version 1"
    assert "step: 3" in (root.findtext(f"{SVG}desc") or "")
    assert " style=" not in drawn
    assert "<style" not in drawn
    assert " on" not in "".join(name for node in root.iter() for name in node.attrib)


def test_hostile_text_is_text() -> None:
    told = graph_of(load_outline(hostile))
    drawn = draw_file(
        told, Overlay(caption="<script>", marks={"n1": Mark(state='"><b>', note="<i>")})
    )

    root = ET.fromstring(drawn)

    assert "<script" not in drawn
    assert root.find(f".//{SVG}script") is None
    assert root.find(f".//{SVG}b") is None


def test_a_file_brings_its_colours_along() -> None:
    root = ET.fromstring(draw_file(graph()))

    assert "--state-soft" in (root.findtext(f"{SVG}style") or "")


def test_what_a_run_has_done_is_seen() -> None:
    overlay = Overlay(
        caption="One run.",
        marks={"n2": Mark(state="waiting", note="until noon")},
        taken=frozenset({("n0", "n1"), ("n1", "n2")}),
    )

    root = ET.fromstring(draw(graph(), overlay))

    nodes = {node.get("id"): node for node in root.iter(f"{SVG}g") if node.get("class") == "node"}
    assert nodes["picture-n2"].get("data-state") == "waiting"
    assert nodes["picture-n2"].findtext(f"{SVG}title") == (
        "yes or no: waits, at most 60 s, waiting, until noon, line "
        f"{next(node.line for node in graph().nodes if node.id == 'n2')}"
    )
    assert nodes["picture-n0"].get("data-way") == "taken"
    assert nodes["picture-n3"].get("data-way") == "idle"
    ways = [node.get("data-way") for node in root.iter(f"{SVG}g") if node.get("class") == "edge"]
    assert ways.count("taken") == 2
