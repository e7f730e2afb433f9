"""Pictures as JSON."""

import json

from workflows.api import load_outline
from workflows.picture.as_json import as_json
from workflows.picture.make_graph import graph_of
from workflows.picture.overlay import Mark, Overlay
from workflows.tests.picture.drawn_flows import child


def test_nodes_edges_and_marks_are_told() -> None:
    outline = load_outline(child)
    graph = graph_of(outline)
    overlay = Overlay(caption="", marks={"n1": Mark(note="x")}, taken=frozenset({("n0", "n1")}))

    plain = json.loads(json.dumps(as_json(outline, graph)))
    told = json.loads(json.dumps(as_json(outline, graph, overlay)))

    assert plain.keys() == {"outline", "nodes", "edges"}
    assert plain["edges"][0] == {"source": "n0", "target": "n1", "label": "", "fails": False}
    assert told["marks"]["n1"]["note"] == "x"
    assert told["taken"] == [["n0", "n1"]]
