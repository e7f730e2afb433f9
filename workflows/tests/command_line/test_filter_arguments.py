"""The options of a filter: all that runs are found by, and nothing else."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from workflows.api import RunFilter
from workflows.command_line.filter_arguments import add_filter, attribute, moment, read_filter


def parsed(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_filter(parser)
    return vars(parser.parse_args(arguments))


def test_there_is_an_option_for_everything_runs_are_found_by() -> None:
    assert set(parsed()) | {"id"} == set(RunFilter.__annotations__)


def test_what_is_not_said_is_not_in_the_filter() -> None:
    assert read_filter(parsed()) == {}
    assert read_filter(parsed("--tenant", "")) == {"tenant": ""}


def test_states_come_with_commas_or_again() -> None:
    told = read_filter(parsed("--state", "failed,blocked", "--state", "paused"))

    assert told == {"state": ["failed", "blocked", "paused"]}


def test_attributes_are_json_or_texts() -> None:
    told = read_filter(parsed("--attribute", "n=1", "--attribute", "city=Rome"))

    assert told == {"attributes": {"n": 1, "city": "Rome"}}


def test_a_time_is_a_moment_or_so_long_ago() -> None:
    assert moment("2026-11-01T09:30+00:00") == datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    assert timezone.is_aware(moment("2026-11-01"))
    before = timezone.now()
    assert before <= moment("2h") + timedelta(hours=2) <= timezone.now()


@pytest.mark.parametrize("given", ["soon", "2026-13-01", "2026-11-01T25:00"])
def test_what_is_no_time_is_refused_with_words(given: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=given):
        moment(given)


def test_an_attribute_has_a_name() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
        attribute("=1")
