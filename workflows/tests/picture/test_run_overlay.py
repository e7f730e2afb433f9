"""One run over the picture of its workflow."""

import pytest

from workflows.api import (
    Permanent,
    RunView,
    cancel,
    get_history,
    get_run,
    list_steps,
    load_outline,
    start,
)
from workflows.picture.make_graph import graph_of
from workflows.picture.overlay import Mark, Overlay
from workflows.picture.run_overlay import overlay_of_run
from workflows.testing import advance, drive_until_idle, fake, send
from workflows.tests.picture.drawn_flows import dynamic, groups, pack, parcel

pytestmark = pytest.mark.django_db


def overlay_of(run: RunView) -> Overlay:
    graph = graph_of(load_outline(run.workflow, run.version))
    return overlay_of_run(graph, get_run(run.id), list_steps(run.id), get_history(run.id))


def marks(run: RunView) -> dict[str, Mark]:
    """Return the marks by the labels of their nodes; of several, the last."""
    found = overlay_of(run).marks
    graph = graph_of(load_outline(run.workflow, run.version))
    return {node.label: found[node.id] for node in graph.nodes if node.id in found}


def gone(run: RunView) -> list[str]:
    graph = graph_of(load_outline(run.workflow, run.version))
    names = {node.id: node.label for node in graph.nodes}
    taken = overlay_of(run).taken or frozenset()
    return [
        f"{names[edge.source]} > {names[edge.target]}"
        for edge in graph.edges
        if (edge.source, edge.target) in taken
    ]


def test_a_run_that_waits_is_seen_waiting() -> None:
    run = start(parcel, what="letter")
    drive_until_idle()

    found = marks(run)

    assert found["yes or no"].state == "waiting"
    assert (found["pack"].state, found["unpack"].state) == ("pending", "pending")
    assert gone(run) == ["start > unpack", "unpack > yes or no"]


def test_the_way_of_a_completed_run_goes_to_an_end() -> None:
    run = start(parcel, what="parcel")
    drive_until_idle()
    send(run, "yes", 1)

    found = marks(run)

    assert get_run(run.id).state == "completed"
    assert (found["weigh"].state, found["pack"].state) == ("completed", "skipped")
    assert (found["post"].state, found["post"].times) == ("completed", 6)
    assert gone(run) == [
        "start > unpack",
        "unpack > yes or no",
        "yes or no > if answer is None",
        "if answer is None > if what == 'letter'",
        "if what == 'letter' > weigh",
        "weigh > for each in told",
        "for each in told > if each == 'x'",
        "if each == 'x' > post",
        "post > for each in told",
        "for each in told > end",
    ]


def test_a_failure_that_is_caught_leads_to_its_handler() -> None:
    with fake(pack, raises=Permanent("torn")):
        run = start(parcel, what="letter")
        drive_until_idle()
        send(run, "yes", 1)

    found = marks(run)

    assert (found["pack"].state, found["pack"].note) == ("failed", "Permanent, try 1")
    assert found["sleep"].state == "waiting"
    assert "pack > except StepFailed" in gone(run)
    assert "pack > for each in told" not in gone(run)


def test_a_time_out_is_told() -> None:
    run = start(parcel, what="letter")
    drive_until_idle()
    advance(61)

    assert marks(run)["yes or no"].note == "timed out"
    assert gone(run)[-1] == "if answer is None > returns 'nobody answered'"


def test_an_attempt_that_failed_is_counted() -> None:
    with fake(pack, raises=OSError("busy")):
        run = start(groups)
        drive_until_idle()

    graph = graph_of(load_outline(groups))
    mark = overlay_of(run).mark(graph.nodes[2].id)
    assert (mark.state, mark.note, mark.attempts) == ("waiting", "waiting, try 2", 1)


def test_groups_children_and_their_ends_are_gone_through() -> None:
    run = start(groups)
    drive_until_idle()

    found = marks(run)

    assert get_run(run.id).state == "completed"
    assert (found["each weigh"].times, found["each tests.drawn_child"].times) == (3, 6)
    assert found["end of handle"].state == "completed"
    assert set(gone(run)) >= {
        "gather: at once > pack",
        "graph: at once > pack",
        "pack > weigh",
        "weigh > post",
        "map: at once > each tests.drawn_child",
        "each tests.drawn_child > tests.drawn_child",
    }


def test_a_cancelled_run_has_skipped_the_rest() -> None:
    run = start(parcel, what="letter")
    drive_until_idle()
    cancel(run.id)
    drive_until_idle()

    found = marks(run)

    assert (found["yes or no"].state, found["pack"].state) == ("skipped", "skipped")
    assert overlay_of(run).caption == f"Run {run.id}: cancelled."


def test_dynamic_code_is_followed_as_far_as_it_is_known() -> None:
    run = start(dynamic, kind="a")
    drive_until_idle()

    found = marks(run)

    assert found["todo[kind]"].state == "completed"
    assert get_run(run.id).waiting_for == ("a",)
    assert found["kind"].state == "waiting"
