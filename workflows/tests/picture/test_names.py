"""What names in workflow code stand for."""

import ast

from workflows.definitions.workflow import workflow_definition
from workflows.picture.names import Names, negated, text_of
from workflows.source.parsing import body_of
from workflows.tests.picture.drawn_flows import dynamic, groups


def names_of(flow: object) -> Names:
    function = workflow_definition(flow).function  # type: ignore[arg-type]
    return Names(function, body_of(function), frozenset({"run"}))


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def test_verbs_are_told_with_their_options() -> None:
    names = names_of(groups)

    assert names.verb(expression("run.step")) == ("step", {})
    assert names.verb(expression("other.step")) == ("", {})
    assert names.verb(expression("run.actions.notify")) == ("actions.notify", {})
    verb, options = names.verb(expression("run.call.using(after=['a'])"))
    assert (verb, names.texts(options["after"])) == ("call", ("a",))


def test_where_the_run_goes_is_told() -> None:
    names = names_of(dynamic)
    call = expression("f(1, run, run.now(), given=run, held=[run], later=lambda: run.step(f))")

    assert isinstance(call, ast.Call)
    assert names.handed_on(call) == {1, "given", -1}


def test_a_text_is_one_line_and_short() -> None:
    assert text_of(expression("[\n1,\n2]")) == "[1, 2]"
    assert text_of(expression("a" * 100)) == "a" * 79 + "…"
    assert text_of(None) == ""
    assert negated(expression("a and b")) == "not (a and b)"
    assert negated(expression("a")) == "not a"
