"""What pictures say."""

from workflows.picture.graph import Node
from workflows.picture.overlay import NO_MARK, Mark
from workflows.picture.parts import Act, ActKind
from workflows.picture.words import kind_of, lasting, second_line, whole

STEP = Act(kind=ActKind.STEP, names=("todo[kind]",), line=7, known=False, undo="back")
NODE = Node(
    id="n1", kind="step", label="todo[kind]", line=7, act=STEP, within=("a", "b"), status="S"
)


def test_a_name_that_only_a_run_tells_is_said_to_be_one() -> None:
    assert kind_of(NODE) == "step, told by a run alone"


def test_a_note_goes_before_a_state_and_a_state_before_the_kind() -> None:
    assert second_line(NODE, NO_MARK) == "step, told by a run alone"
    assert second_line(NODE, Mark(state="failed")) == "failed"
    assert second_line(NODE, Mark(state="failed", note="no")) == "no"
    assert second_line(NODE, Mark(here=1200)) == "1,200 here"


def test_everything_is_said_in_a_line() -> None:
    assert whole(NODE, Mark(state="failed", note="no", times=2, here=3)) == (
        "todo[kind]: step, told by a run alone, undone by back, status S, failed, no, 2 times, "
        "3 runs here, in b, in a, line 7"
    )


def test_how_long_something_took_is_two_units_at_most() -> None:
    times = [0.0382, 4.21, 42, 103, 7500, 273600]

    assert [lasting(seconds) for seconds in times] == [
        "38 ms",
        "4.2 s",
        "42 s",
        "1 m 43 s",
        "2 h 5 m",
        "3 d 4 h",
    ]
