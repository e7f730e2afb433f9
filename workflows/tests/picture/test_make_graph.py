"""What may follow what."""

from workflows.api import load_outline
from workflows.picture.make_graph import graph_of
from workflows.tests.picture.drawn_flows import dynamic, groups, parcel
from workflows.tests.picture.told import told_edges


def test_helpers_tries_loops_and_ends_are_joined() -> None:
    assert told_edges(graph_of(load_outline(parcel))) == [
        "start --> unpack",
        "unpack --> yes or no",
        "yes or no --> if answer is None",
        "if answer is None -yes-> returns 'nobody answered'",
        "if answer is None -no-> if what == 'letter'",
        "if what == 'letter' -yes-> pack",
        "if what == 'letter' -no-> weigh",
        "pack -fails-> except StepFailed",
        "weigh -fails-> except StepFailed",
        "except StepFailed --> sleep",
        "sleep --> raises ValueError('no')",
        "pack --> for each in told",
        "weigh --> for each in told",
        "for each in told -each-> if each == 'x'",
        "if each == 'x' -no-> post",
        "post --> for each in told",
        "for each in told -done-> end",
        "if each == 'x' -yes-> end",
    ]


def test_lanes_of_a_graph_wait_for_each_other() -> None:
    assert told_edges(graph_of(load_outline(groups)))[:11] == [
        "start --> gather: at once",
        "gather: at once --> pack",
        "gather: at once --> each weigh",
        "pack --> graph: at once",
        "each weigh --> graph: at once",
        "graph: at once --> pack",
        "pack --> weigh",
        "pack --> post",
        "weigh --> post",
        "post --> map: at once",
        "map: at once --> each tests.drawn_child",
    ]


def test_nodes_know_their_helpers_groups_and_labels() -> None:
    graph = graph_of(load_outline(parcel))
    found = {node.label: node for node in graph.nodes}

    assert found["pack"].within == ("sent",)
    assert found["unpack"].status == "Packing"
    grouped = graph_of(load_outline(groups)).nodes
    assert grouped[2].group == grouped[1].id


def test_only_what_the_code_comes_to_is_drawn() -> None:
    told = told_edges(graph_of(load_outline(dynamic)))

    assert "while True -done-> if kind" not in told
    assert "match kind -'b'-> goes on as a new run" in told
