"""The table beside a picture."""

from workflows.api import load_outline
from workflows.picture.make_graph import graph_of
from workflows.picture.overlay import Mark, Overlay
from workflows.picture.table import rows, table_of
from workflows.tests.picture.drawn_flows import parcel


def test_each_act_and_decision_has_a_row() -> None:
    graph = graph_of(load_outline(parcel))

    found = {row.name: row for row in rows(graph)}

    assert found["pack"].kind == "step"
    assert found["pack"].undo == "unpack"
    assert found["pack"].following == "fails: except StepFailed; for each in told"
    assert found["pack"].where.endswith("in sent")
    assert found["if what == 'letter'"].following == "yes: pack; no: weigh"


def test_what_a_run_has_done_is_in_it() -> None:
    graph = graph_of(load_outline(parcel))
    overlay = Overlay(
        caption="<One run>.", marks={"n2": Mark(state="failed", attempts=3, note="no")}
    )

    drawn = table_of(graph, overlay)

    assert "<td>failed</td><td>3</td><td>no</td>" in drawn
    assert "version 1. &lt;One run&gt;." in drawn
    assert '<th scope="col">State</th>' not in table_of(graph)
