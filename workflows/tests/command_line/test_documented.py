"""docs/commands.md names every subcommand, every option and every name of the JSON; its examples can be typed."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from workflows.command_line import shapes
from workflows.management.commands.workflows import DEEDS, Command

PAGE = (Path(__file__).resolve().parents[3] / "docs/commands.md").read_text()
EXAMPLES = re.findall(r"^manage\.py workflows (.+)$", PAGE, re.M)


@pytest.mark.parametrize("name", DEEDS)
def test_every_subcommand_has_its_line_and_every_option_is_named(name: str) -> None:
    parser = argparse.ArgumentParser()
    DEEDS[name].add(parser)

    options = {each for action in parser._actions for each in action.option_strings}
    unnamed = {each for each in options - {"-h", "--help"} if f"`{each}" not in PAGE}

    assert f"| `{name}" in PAGE
    assert unnamed == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_typed(example: str) -> None:
    parser = Command().create_parser("manage.py", "workflows")

    assert parser.parse_args(shlex.split(example)).verb in DEEDS


def test_every_name_of_a_run_is_promised() -> None:
    names = {*shapes._IN_LISTS, *shapes._ALONE}

    assert {name for name in names if f"`{name}`" not in PAGE} == set()
