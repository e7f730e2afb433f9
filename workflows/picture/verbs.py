"""A call on the run, as a part of the outline."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.definitions.action import find_action, is_action
from workflows.definitions.step import StepDefinition
from workflows.picture.names import Names, text_of
from workflows.picture.parts import END_OF, Act, ActKind, Arm, Branch, Group, GroupKind, Lane, Part

GROUPS = frozenset(GroupKind)


def read_verb(names: Names, verb: str, call: ast.Call) -> Part | None:
    """Return what `run.verb(…)` asks for; None: nothing that a picture shows."""
    if verb.startswith("actions."):
        return _action(verb.removeprefix("actions."), call.lineno)
    match verb:
        case "step" | "on_end":
            kind = ActKind.STEP if verb == "step" else ActKind.CLEANUP
            return _of_step(names, call, kind)
        case "start_child":
            return _child(names, call)
        case "wait_event":
            return _wait_event(names, call)
        case "wait_any":
            return _wait_any(names, call)
        case "sleep" | "sleep_until":
            given = text_of(call.args[0]) if call.args else ""
            until = "until " if verb == "sleep_until" else ""
            return Act(kind=ActKind.SLEEP, names=("sleep",), line=call.lineno, detail=until + given)
        case "send_event":
            return _named(names, call, ActKind.SEND, _argument(call, 1, "name"))
        case "set_status":
            return _named(names, call, ActKind.STATUS, _argument(call, 0, "label"))
        case _:
            return None


def read_group(names: Names, verb: str, call: ast.Call) -> Group:
    """Return what `run.gather(…)`, `run.graph(…)` or `run.map(…)` does at once."""
    match verb:
        case "gather":
            lanes = [lane for each in call.args for lane in _lanes(names, each, "call")]
        case "graph":
            lanes = list(_lanes(names, _argument(call, 0, "calls"), "call"))
        case _:
            lanes = list(_mapped(names, call))
    unknown = Lane(name="", after=(), body=(_unknown(call),))
    return Group(kind=GroupKind(verb), line=call.lineno, lanes=tuple(lanes) or (unknown,))


def child_end(call: ast.Call, handle: ast.expr) -> Act:
    """Return the wait that `handle.result()` is."""
    return Act(
        kind=ActKind.WAIT,
        names=(f"{END_OF}{text_of(handle, 40)}",),
        line=call.lineno,
        known=False,
        detail=_time_limit(call),
    )


def unknown(what: ast.AST, line: int) -> Act:
    """Return the act that nobody can read."""
    return Act(kind=ActKind.UNKNOWN, names=(text_of(what),), line=line, known=False)


def _unknown(call: ast.Call) -> Act:
    return unknown(call, call.lineno)


def _action(name: str, line: int) -> Act:
    if is_action(name):
        return _step_act(find_action(name).step, ActKind.STEP, line)
    return Act(kind=ActKind.STEP, names=(name,), line=line, known=False)


def _of_step(names: Names, call: ast.Call, kind: ActKind, *, many: bool = False) -> Part:
    if not call.args or isinstance(call.args[0], ast.Starred):
        return _unknown(call)
    found = []
    for condition, each in names.alternatives(call.args[0]):
        step = names.step(each)
        if step is None:
            told = (text_of(each),)
            act = Act(kind=kind, names=told, line=call.lineno, known=False, many=many)
        else:
            act = _step_act(step, kind, call.lineno, many=many)
        found.append((condition, act))
    return _one_of(call, found)


def _step_act(step: StepDefinition, kind: ActKind, line: int, *, many: bool = False) -> Act:
    undo = step.compensate.name if step.compensate is not None else ""
    return Act(kind=kind, names=(step.name,), line=line, undo=undo, many=many)


def _child(names: Names, call: ast.Call, *, many: bool = False) -> Part:
    if not call.args or isinstance(call.args[0], ast.Starred):
        return _unknown(call)
    found = [
        (condition, _child_act(names, each, call.lineno, many=many))
        for condition, each in names.alternatives(call.args[0])
    ]
    return _one_of(call, found)


def _child_act(names: Names, node: ast.expr, line: int, *, many: bool) -> Act:
    definition, told = names.workflow(node), names.texts(node)
    if definition is not None:
        told = (definition.name,)
    known = told is not None
    return Act(
        kind=ActKind.CHILD, names=told or (text_of(node),), line=line, known=known, many=many
    )


def _one_of(call: ast.Call, found: list[tuple[str, Act]]) -> Part:
    if len(found) == 1:
        return found[0][1]
    arms = tuple(Arm(label=condition, body=(act,)) for condition, act in found)
    return Branch(condition=f"which: {text_of(call.args[0])}", line=call.lineno, arms=arms)


def _wait_event(names: Names, call: ast.Call) -> Act:
    given = [*call.args, *(each.value for each in call.keywords if each.arg == "name")]
    return _wait(names, call, given, [])


def _wait_any(names: Names, call: ast.Call) -> Act:
    asked = {each.arg: each.value for each in call.keywords}
    events = [asked["event"]] if "event" in asked else []
    others = [f"{END_OF}{text_of(asked['child'], 40)}"] if "child" in asked else []
    return _wait(names, call, events, others)


def _wait(names: Names, call: ast.Call, events: list[ast.expr], others: list[str]) -> Act:
    told = [names.texts(each) for each in events]
    found = [
        name
        for node, each in zip(events, told, strict=True)
        for name in (each if each is not None else (text_of(node),))
    ]
    return Act(
        kind=ActKind.WAIT,
        names=tuple(found + others) or ("time",),
        line=call.lineno,
        known=None not in told and not others,
        detail=_time_limit(call),
    )


def _time_limit(call: ast.Call) -> str:
    for each in call.keywords:
        if each.arg in ("timeout_seconds", "seconds"):
            return f"at most {text_of(each.value, 40)} s"
    return ""


def _named(names: Names, call: ast.Call, kind: ActKind, node: ast.expr | None) -> Act:
    told = names.texts(node)
    return Act(kind=kind, names=told or (text_of(node),), line=call.lineno, known=told is not None)


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    if len(call.args) > place and not isinstance(call.args[place], ast.Starred):
        return call.args[place]
    return next((each.value for each in call.keywords if each.arg == name), None)


def _mapped(names: Names, call: ast.Call) -> Iterator[Lane]:
    found = list(_lanes(names, _argument(call, 0, "children"), "child"))
    yield from found
    if not found and len(call.args) + len(call.keywords) > 1:
        yield Lane(name="", after=(), body=(_child(names, call, many=True),))


def _lanes(names: Names, node: ast.expr | None, verb: str) -> Iterator[Lane]:
    """Yield a lane for each `run.call(…)` or `run.child(…)` that an expression is made of."""
    for found in _Search(names, verb).calls(node):
        body = (
            _of_step(names, found.call, ActKind.STEP, many=found.many)
            if verb == "call"
            else _child(names, found.call, many=found.many)
        )
        after = _after(names, found.call, found.options)
        yield Lane(name=found.key, after=after, body=(body,))


@dataclass(frozen=True)
class _Call:
    """A `run.call(…)` or `run.child(…)` that is found in an expression."""

    call: ast.Call
    options: Mapping[str, ast.expr]
    key: str
    many: bool


class _Search:
    """Looks through an expression, and through the names in it, each of them once."""

    def __init__(self, names: Names, verb: str) -> None:
        self._names = names
        self._verb = verb
        self._seen: set[str] = set()

    def calls(self, node: ast.AST | None, key: str = "", *, many: bool = False) -> Iterator[_Call]:
        """Yield the calls. key: under which they stand in a dictionary."""
        match node:
            case None:
                return
            case ast.Call() if self._names.verb(node.func)[0] == self._verb:
                yield _Call(node, self._names.verb(node.func)[1], key, many)
            case ast.Name():
                if node.id not in self._seen:
                    self._seen.add(node.id)
                    for each in self._names.assigned(node):
                        yield from self.calls(each, key, many=many)
            case ast.Dict():
                for place, value in zip(node.keys, node.values, strict=True):
                    told = self._names.texts(place) or ("",)
                    yield from self.calls(value, told[0], many=many)
            case _:
                many = many or isinstance(node, _COMPREHENSIONS)
                for child in ast.iter_child_nodes(node):
                    yield from self.calls(child, key, many=many)


_COMPREHENSIONS = ast.ListComp | ast.GeneratorExp | ast.DictComp | ast.SetComp


def _after(names: Names, call: ast.Call, options: Mapping[str, ast.expr]) -> tuple[str, ...]:
    """Return the calls of the same graph that this one waits for."""
    found = list(names.texts(options.get("after")) or ())
    for given in [*call.args, *(each.value for each in call.keywords)]:
        for node in ast.walk(given):
            if isinstance(node, ast.Call) and names.verb(node.func)[0] == "output":
                found += names.texts(_argument(node, 0, "name")) or ()
    return tuple(dict.fromkeys(found))
