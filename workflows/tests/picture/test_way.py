"""The way of a run, told from the operations that it left."""

import time

from workflows.api import load_outline
from workflows.picture.graph import Graph
from workflows.picture.make_graph import graph_of
from workflows.picture.operations import Operation
from workflows.picture.way import way_of
from workflows.tests.picture.drawn_flows import child, parcel


def asked(*told: str) -> list[Operation]:
    """Return operations told as "step pack"."""
    return [
        Operation(position=position, kind=each.split()[0], names=(each.split()[1],))
        for position, each in enumerate(told, 1)
    ]


def graph() -> Graph:
    return graph_of(load_outline(parcel))


def labels(places: dict[str, list[int]]) -> dict[str, list[int]]:
    names = {node.id: node.label for node in graph().nodes}
    return {names[name]: positions for name, positions in places.items()}


def test_a_loop_is_gone_through_again() -> None:
    way = way_of(
        graph(),
        asked("on_end unpack", "wait yes", "step weigh", "step post", "step post"),
        ended=True,
    )

    assert labels(way.places) == {"unpack": [1], "yes or no": [2], "weigh": [3], "post": [4, 5]}


def test_what_has_no_place_is_passed_over() -> None:
    way = way_of(graph(), asked("on_end unpack", "step gone", "wait yes"), ended=False)

    assert labels(way.places) == {"unpack": [1], "yes or no": [3]}


def test_a_place_that_no_edge_leads_to_is_jumped_to() -> None:
    way = way_of(graph(), asked("step post", "step post"), ended=True)

    assert labels(way.places) == {"post": [1, 2]}


def test_a_run_that_has_only_begun_has_gone_nowhere() -> None:
    way = way_of(graph(), [], ended=False)

    assert (way.places, way.edges) == ({}, frozenset())


def test_a_run_without_operations_goes_to_the_end_when_it_has_ended() -> None:
    found = graph_of(load_outline(child))

    assert way_of(found, asked("step pack"), ended=True).edges == {("n0", "n1"), ("n1", "n2")}


def test_a_long_history_takes_less_than_a_second() -> None:
    told = asked("on_end unpack", "wait yes", "step weigh", *["step post"] * 20_000)
    began = time.perf_counter()

    way = way_of(graph(), told, ended=True)

    assert time.perf_counter() - began < 2
    assert labels(way.places)["post"][-1] == len(told)
