"""Outlines of workflow code, whatever it looks like."""

import ast
import importlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from workflows.api import Context, UnknownWorkflow, load_outline, workflow
from workflows.core.signature import Signature
from workflows.definitions import workflow as registry
from workflows.definitions.workflow import WorkflowDefinition
from workflows.picture.make_graph import graph_of
from workflows.picture.mermaid import mermaid
from workflows.picture.outline import outline_of
from workflows.picture.parts import plain
from workflows.picture.svg import draw
from workflows.picture.table import table_of
from workflows.source import parsing
from workflows.tests.picture.drawn_flows import dynamic, parcel
from workflows.tests.picture.told import told_acts

SPECIAL = {"cluster", "typing", "crash"}
ROOT = Path(__file__).resolve().parents[3]


def test_the_acts_of_a_workflow_are_told_in_the_order_of_the_code() -> None:
    outline = load_outline(parcel)

    assert outline.readable
    assert told_acts(outline.body) == [
        "status Packing",
        "cleanup unpack",
        "wait yes or no",
        "step pack",
        "step weigh",
        "sleep sleep",
        "step post",
    ]


def test_dynamic_code_becomes_unknown_steps() -> None:
    assert told_acts(load_outline(dynamic).body) == [
        "step todo[kind]?",
        "step pack",
        "step weigh",
        "step weigh",
        "step post",
        "unknown getattr(run, 'step')?",
        "unknown map(lambda each: run.step(pack, each), 'abc')?",
        "wait kind?",
        "update add",
        "step weigh",
        "step pack",
        "step post",
        "step weigh",
        "step pack",
    ]


def test_a_version_is_found_and_a_missing_one_is_told() -> None:
    assert load_outline("tests.drawn_parcel", 1) == load_outline(parcel)
    with pytest.raises(UnknownWorkflow, match=r"version 7 .* newest is 1"):
        load_outline("tests.drawn_parcel", 7)
    with pytest.raises(UnknownWorkflow, match=r"did you mean 'tests\.drawn_parcel'"):
        load_outline("tests.drawn_parcl")


def test_code_without_source_is_one_unknown_step() -> None:
    made: dict[str, Any] = {}
    exec("def made(run):\n    run.step(made)\n", made)

    outline = outline_of(definition_of(made["made"]))

    assert not outline.readable
    assert told_acts(outline.body) == ["unknown made?"]


def test_an_expression_of_a_thousand_parts_is_an_unknown_step(tmp_path: Path) -> None:
    source = f"def odd(run):\n    return {'+'.join(['1'] * 900)}\n"

    assert told_acts(outline_of(compiled(tmp_path, source)).body) == ["unknown odd?"]


def test_an_outline_is_made_once() -> None:
    load_outline(parcel)
    began = time.perf_counter()
    for _ in range(100):
        load_outline(parcel)

    assert time.perf_counter() - began < 0.1


def test_every_workflow_of_the_repository_has_a_picture() -> None:
    for path in [*ROOT.glob("workflows/tests/**/*.py"), *ROOT.glob("submissions/**/*.py")]:
        if re.search(r"^@workflow\(", path.read_text(), re.M) and not SPECIAL & {*path.parts}:
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = list(registry._workflows.values())

    assert len(found) > 200
    for definition in found:
        look_at(definition)


def look_at(definition: WorkflowDefinition) -> None:
    outline = outline_of(definition)
    graph = graph_of(outline)
    json.dumps(plain(outline))
    targets = {edge.target for edge in graph.edges}
    assert all(node.id in targets for node in graph.nodes[1:]), definition.name
    assert "style=" not in draw(graph)
    table_of(graph)
    mermaid(graph)


def definition_of(function: Any) -> WorkflowDefinition:
    return WorkflowDefinition(
        name="tests.drawn_odd",
        version=1,
        function=function,
        signature=Signature(function, skip_first=True),
    )


def compiled(folder: Path, source: str) -> WorkflowDefinition:
    file = folder / f"odd_{abs(hash(source))}.py"
    file.write_text(source)
    made: dict[str, Any] = {"__name__": "odd"}
    try:
        exec(compile(source, str(file), "exec"), made)
    except RecursionError:
        pytest.skip("Python itself cannot compile it")
    return definition_of(made["odd"])


EXPRESSIONS = st.recursive(
    st.sampled_from(
        [
            "run",
            "1",
            "f",
            "run.step(f)",
            "run.step(*f)",
            "run.step",
            "run.sleep(3)",
            "run.wait_event('a', 'b')",
            "run.wait_any(event=f, child=[f])",
            "run.gather(*f)",
            "run.graph(f)",
            "run.map(f, [1])",
            "run.call(f)",
            "run.output('x')",
            "run.start_child('w').result()",
            "run.actions.nothing(1)",
            "run.on_end(f)",
            "run.on_update(f, f)",
            "run.set_status(f)",
            "run.continue_as_new()",
            "getattr(run, f)()",
            "f(run)",
            "odd(run)",
            "f.g.h(run=run)",
            "(yield)",
            "{**f}",
        ]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[0]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} and {t[1]} or f)"),
        inner.map(lambda x: f"[{x} for f in {x} if {x}]"),
        inner.map(lambda x: f"{{f: {x} for f in f}}"),
        inner.map(lambda x: f"(lambda f: {x})"),
        inner.map(lambda x: f"run.gather(run.call({x}), *[run.call(f) for _ in {x}])"),
        inner.map(lambda x: f"run.graph({{'a': run.call.using(after=['a'])(f, {x})}})"),
        inner.map(lambda x: f"f'{{{x}}}'" if "'" not in x and "{" not in x else x),
        inner.map(lambda x: f"f({x}, run)"),
    ),
    max_leaves=4,
)
LINES = st.recursive(
    st.one_of(
        EXPRESSIONS.map(lambda x: [x]),
        EXPRESSIONS.map(lambda x: [f"f = {x}"]),
        EXPRESSIONS.map(lambda x: [f"f[{x}] = run.call(f)"]),
        EXPRESSIONS.map(lambda x: [f"return {x}"]),
        st.just(["raise ValueError"]),
        st.just(["r = run", "r.step(f)"]),
        st.just(["go = run.step", "go(f)"]),
        st.just(["import os.path as f"]),
        st.just(["del f"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner, EXPRESSIONS).map(
            lambda t: [f"if {t[2]}:", *indented(t[0]), "else:", *indented(t[1])]
        ),
        st.tuples(inner, EXPRESSIONS).map(lambda t: [f"while {t[1]}:", *indented(t[0]), "  break"]),
        inner.map(lambda x: ["while True:", *indented(x), "  continue"]),
        st.tuples(inner, inner).map(
            lambda t: ["for a, *f in f:", *indented(t[0]), "else:", *indented(t[1])]
        ),
        st.tuples(inner, inner).map(
            lambda t: [
                "try:",
                *indented(t[0]),
                "except* ValueError as e:",
                *plainly(t[1]),
                "else:",
                *indented(t[0]),
                "finally:",
                *indented(t[1]),
            ]
        ),
        st.tuples(inner, inner).map(
            lambda t: [
                "try:",
                *indented(t[0]),
                "except (A, B):",
                *indented(t[1]),
                "except:",
                *indented(t[0]),
            ]
        ),
        inner.map(
            lambda x: ["match f:", "  case [run, *f] if run.step(f):", *indented(indented(x))]
        ),
        inner.map(lambda x: ["with f as f, run.step(f):", *indented(x)]),
        inner.map(lambda x: ["def inner(run):", *indented(x), "inner(run)"]),
        inner.map(lambda x: ["def inner():", *indented(x), "  inner()", "inner()"]),
        st.tuples(inner, inner).map(lambda t: [*t[0], *t[1]]),
    ),
    max_leaves=5,
)


def indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def plainly(lines: list[str]) -> list[str]:
    """In an `except*`, nothing may leave."""
    left = re.search(r"\b(return|break|continue)\b", "\n".join(lines))
    return ["  run.step(f)"] if left else indented(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


@settings(max_examples=60, deadline=None)
@given(lines=LINES)
def test_no_code_is_too_odd(folder: Path, lines: list[str]) -> None:
    source = "\n".join(["def odd(run, f=None):", *indented(lines)]) + "\n"
    try:
        ast.parse(source)
        compile(source, "odd", "exec")
    except (SyntaxError, ValueError):
        return
    look_at(compiled(folder, source))
    parsing._definitions.cache_clear()


def test_lambdas_methods_and_factories_have_outlines() -> None:
    def factory(todo: Any) -> Callable[..., Any]:
        @workflow("tests.drawn_factory")
        def made(run: Context) -> Any:
            return run.step(todo)

        return made

    assert told_acts(load_outline(factory(len)).body) == ["step todo?"]
    assert load_outline(factory(len)).version == 1
    odd: Any = lambda run: run.sleep(5)  # noqa: E731
    assert told_acts(outline_of(definition_of(odd)).body) == ["sleep sleep"]
