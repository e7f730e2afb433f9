"""Random workflow programs: how the engine runs them, and what a simple model makes of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from hypothesis import strategies as some

from workflows.api import (
    ChildFailed,
    Context,
    Permanent,
    RetryPolicy,
    StepFailed,
    current_step,
    step,
    workflow,
)
from workflows.tests.flows import ONCE

Program = list[list[Any]]
FAILED = "step 'do' failed"
GRAPH = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


@dataclass
class World:
    """What programs have done outside the engine. Rows count their effects, sets do not."""

    done: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)


world = World()


def take_back(output: str, name: str, fails: bool) -> None:
    world.undone.add(output)


@step(retry=ONCE, compensate=take_back)
def do(name: str, fails: bool) -> str:
    if fails:
        raise Permanent(name)
    world.done.add(name)
    return name


def take_back_too(output: str, name: str) -> None:
    world.undone.add(output)


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=0), compensate=take_back_too)
def do_at_the_second_attempt(name: str) -> str:
    attempt = current_step()
    if attempt is not None and attempt.attempt == 1:
        raise OSError("not yet")
    world.done.add(name)
    return name


@step(atomic=True, retry=ONCE)
def delete_row(output: str, name: str) -> None:
    Group.objects.create(name=f"undone {name}")  # its name is unique: a second one fails


@step(atomic=True, retry=ONCE, compensate=delete_row)
def make_row(name: str) -> str:
    Group.objects.create(name=f"done {name}")
    return name


@workflow("tests.random", on_failure="compensate", on_cancel="compensate")
def run_program(run: Context, program: Program, path: str = "") -> list[str]:
    told: list[str] = []
    for number, (what, *rest) in enumerate(program):
        name = f"{path}{number}"
        run.data["at"] = name
        told += VERBS[what](run, name, *rest)
    return told


def _step(run: Context, name: str, fails: bool) -> list[str]:
    return [run.step(do, name, fails)]


def _caught(run: Context, name: str) -> list[str]:
    try:
        return [run.step(do, name, True)]
    except StepFailed as failed:
        return [f"caught {failed.message}"]


def _twice(run: Context, name: str) -> list[str]:
    return [run.step(do_at_the_second_attempt, name)]


def _row(run: Context, name: str) -> list[str]:
    return [run.step(make_row, name)]


def _sleep(run: Context, name: str) -> list[str]:
    run.sleep(0)
    return []


def _wait(run: Context, name: str) -> list[str]:
    return [str(run.wait_event("word", timeout_seconds=0))]


def _status(run: Context, name: str) -> list[str]:
    run.set_status(name)
    return []


def _patched(run: Context, name: str) -> list[str]:
    return [str(run.patched(f"patch-{name.replace('/', '-')}"))]


def _gather(run: Context, name: str, fails: list[bool], on_error: Any) -> list[str]:
    calls = [run.call(do, f"{name}.{i}", bad) for i, bad in enumerate(fails)]
    return [str(each)[: len(FAILED)] for each in run.gather(*calls, on_error=on_error)]


def _graph(run: Context, name: str, fails: list[bool], on_error: Any) -> list[str]:
    calls = {
        key: run.call(do, f"{name}.{key}", bad, after=needs)
        for (key, needs), bad in zip(GRAPH.items(), fails, strict=True)
    }
    results = run.graph(calls, on_error=on_error)
    return [str(results[key])[: len(FAILED)] for key in GRAPH if key in results]


def _child(run: Context, name: str, program: Program) -> list[str]:
    child = run.start_child(run_program, program=program, path=f"{name}/")
    try:
        return [",".join(child.result())]
    except ChildFailed as failed:
        return [failed.state]


def _map(run: Context, name: str, programs: list[Program], limit: int | None) -> list[str]:
    inputs = [{"program": each, "path": f"{name}/{i}/"} for i, each in enumerate(programs)]
    try:
        return [",".join(each) for each in run.map(run_program, inputs, limit=limit)]
    except ChildFailed as failed:
        return [failed.state]


def _again(run: Context, name: str, program: Program) -> list[str]:
    run.continue_as_new(program=program, path=f"{name}/")


VERBS: dict[str, Callable[..., list[str]]] = {
    "step": _step,
    "caught": _caught,
    "twice": _twice,
    "row": _row,
    "sleep": _sleep,
    "wait": _wait,
    "status": _status,
    "patched": _patched,
    "gather": _gather,
    "graph": _graph,
    "child": _child,
    "map": _map,
    "again": _again,
}


@dataclass
class Outcome:
    """What the model, or the engine, makes of a program."""

    state: str
    told: list[str] | None
    done: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)

    def take_in(self, other: "Outcome") -> "Outcome":
        """Add what another run has done; its state and result stay its own."""
        self.done |= other.done
        self.undone |= other.undone
        return other


def model(program: Program, words: list[str], path: str = "") -> Outcome:
    """Run a program as a plain loop. words: the events there are, in order."""
    all_ = Outcome("completed", [])
    undoable: set[str] = set()
    told: list[str] = []
    for number, (what, *rest) in enumerate(program):
        name = f"{path}{number}"
        done: list[str] = []
        said: list[str] = []
        fails = False
        match what, rest:
            case "step", [bad]:
                fails, done = bad, [] if bad else [name]
                said = done
            case (("row" | "twice"), []):
                said = done = [name]
            case "caught", []:
                said = [f"caught {name}"]
            case "wait", []:
                said = [words.pop(0) if words else "None"]
            case "patched", []:
                said = ["True"]
            case (("gather" | "graph"), [bads, on_error]):
                names = [str(i) for i in range(len(bads))] if what == "gather" else list(GRAPH)
                bad_names = [key for key, bad in zip(names, bads, strict=True) if bad]
                needs = {key: [] for key in names} if what == "gather" else GRAPH
                results = _play_group(needs, bad_names, on_error)
                done = [f"{name}.{key}" for key, good in results.items() if good]
                said = [f"{name}.{key}" if good else FAILED for key, good in results.items()]
                fails = on_error != "continue" and not all(results.values())
            case "child", [inner]:
                child = all_.take_in(model(inner, [], f"{name}/"))
                said = [",".join(child.told) if child.told is not None else child.state]
            case "map", [inner, limit]:
                said = _play_map(all_, name, inner, limit)
            case "again", [inner]:
                last = all_.take_in(model(inner, words, f"{name}/"))
                return Outcome(last.state, last.told, all_.done, all_.undone)
        all_.done |= set(done)
        undoable |= set(done)
        if fails:
            state = "compensated" if undoable else "failed"
            return Outcome(state, None, all_.done, all_.undone | undoable)
        told += said
    return Outcome("completed", told, all_.done, all_.undone)


def _play_group(needs: dict[str, Any], bad: list[str], on_error: str) -> dict[str, bool]:
    """Return which calls completed (True) or failed, in the order of the calls. As inside a
    test's transaction, all that can begin at a time begin one after the other."""
    ended: dict[str, bool] = {}
    while on_error == "continue" or all(ended.values()):
        batch = [
            key
            for key, before in needs.items()
            if key not in ended and all(ended.get(each) for each in before)
        ]
        if not batch:
            break
        ended |= {key: key not in bad for key in batch}
    return {key: ended[key] for key in needs if key in ended}


def _play_map(all_: Outcome, name: str, programs: list[Program], limit: int | None) -> list[str]:
    children: list[Outcome] = []
    for i, each in enumerate(programs):
        waited_for = children[: i + 1 - limit] if limit is not None and i >= limit else []
        if any(child.told is None for child in waited_for):
            break
        children.append(all_.take_in(model(each, [], f"{name}/{i}/")))
    failed = [child.state for child in children if child.told is None]
    return failed[:1] or [",".join(child.told or []) for child in children]


def _lines(*shape: Any) -> Any:
    return some.tuples(*(each if hasattr(each, "map") else some.just(each) for each in shape))


_fails = some.sampled_from([False, False, False, True])
_on_error = some.sampled_from(["stop", "continue", "compensate"])


def _decided(line: list[Any]) -> list[Any]:
    """Let only the last of what begins together fail, where that stops the rest: after a death the
    others may be done or not, and both are right."""
    what, fails, on_error = line
    if on_error == "continue":
        return [what, fails, on_error]
    if what == "gather":
        return [what, [*[False] * (len(fails) - 1), any(fails)][: len(fails)], on_error]
    first, left, right, last = fails
    return [what, [first, False, left or right, last], on_error]


_groups = some.one_of(
    _lines("gather", some.lists(_fails, max_size=3), _on_error),
    _lines("graph", some.lists(_fails, min_size=4, max_size=4), _on_error),
)
atoms = some.one_of(
    _lines("step", _fails),
    *(_lines(what) for what in ("caught", "twice", "row", "sleep", "wait", "status", "patched")),
    _groups.map(_decided),
)


def _with_end(body: Any, end: Any) -> Any:
    ends: Any = some.one_of(some.just([]), end.map(lambda line: [line]))
    return some.tuples(body, ends).map(lambda parts: [*parts[0], *parts[1]])


small = some.lists(atoms, max_size=3)
childs = _with_end(small, _lines("again", small))
_families = some.one_of(
    _lines("child", childs),
    _lines("map", some.lists(childs, max_size=3), some.sampled_from([None, 1, 2])),
)
programs = _with_end(some.lists(some.one_of(atoms, _families), max_size=5), _lines("again", childs))


def effects() -> Iterator[tuple[str, str]]:
    """Yield ("done" or "undone", name) for every effect in the world, rows included."""
    yield from (("done", name) for name in world.done)
    yield from (("undone", name) for name in world.undone)
    for name in Group.objects.values_list("name", flat=True):
        what, _, of = name.partition(" ")
        yield what, of
