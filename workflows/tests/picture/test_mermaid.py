"""Pictures as Mermaid text."""

from workflows.api import load_outline
from workflows.picture.make_graph import graph_of
from workflows.picture.mermaid import mermaid
from workflows.picture.overlay import Mark, Overlay
from workflows.tests.picture.drawn_flows import child, parcel


def test_a_small_workflow_is_a_flowchart() -> None:
    assert mermaid(graph_of(load_outline(child))) == (
        "flowchart TB\n"
        '  n0(["start"])\n'
        '  n1["pack<br/>step"]\n'
        '  n2(["end"])\n'
        "  n0 --> n1\n"
        "  n1 --> n2\n"
    )


def test_what_means_something_to_mermaid_is_written_by_its_number() -> None:
    told = mermaid(graph_of(load_outline(parcel)))

    assert "except StepFailed" in told
    assert 'n3{"if answer is None"}' in told
    assert "raises ValueError('no')" in told
    assert '-.->|"fails"|' in told


def test_the_way_of_a_run_is_thick() -> None:
    marks = {"n1": Mark(state="completed")}
    overlay = Overlay(caption="", marks=marks, taken=frozenset({("n1", "n2")}))

    told = mermaid(graph_of(load_outline(child)), overlay, direction="right")

    assert told.startswith("flowchart LR\n")
    assert ":::completed" in told
    assert told.endswith("linkStyle 1 stroke-width:3px\n")
