"""Outlines as plain data."""

import json

from workflows.api import load_outline
from workflows.picture.parts import Leave, LeaveKind, is_shown, plain
from workflows.tests.picture.drawn_flows import child, groups


def test_an_outline_is_json() -> None:
    line = child.workflow_definition.function.__code__.co_firstlineno + 2

    assert json.loads(json.dumps(plain(load_outline(child)))) == {
        "part": "outline",
        "workflow": "tests.drawn_child",
        "version": 1,
        "readable": True,
        "body": [
            {
                "part": "act",
                "kind": "step",
                "names": ["pack"],
                "line": line,
                "known": True,
                "detail": "",
                "undo": "unpack",
                "many": False,
                "body": [],
            },
            {"part": "leave", "kind": "return", "text": "", "line": line},
        ],
    }


def test_a_return_asks_for_nothing() -> None:
    assert not is_shown(Leave(kind=LeaveKind.RETURN, text="", line=1))
    assert is_shown(Leave(kind=LeaveKind.ANEW, text="", line=1))
    assert is_shown(load_outline(groups).body[0])
