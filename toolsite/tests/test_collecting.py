"""Processes that test at once share the work of the beginning."""

from types import SimpleNamespace
from typing import Any

import pytest

from ops.places import ROOT
from toolsite.tests.collecting import own_share

WHOLE_SUITE = pytest.Config.ArgsSource.INVOCATION_DIR
CHOSEN_FILES = pytest.Config.ArgsSource.ARGS


def a_process(number: int, source: pytest.Config.ArgsSource = WHOLE_SUITE) -> Any:
    return SimpleNamespace(
        ArgsSource=pytest.Config.ArgsSource,
        args_source=source,
        rootpath=ROOT,
        workerinput={"workerid": f"gw{number}", "workercount": 4},
    )


def test_each_test_module_is_in_one_share() -> None:
    shares = [set(own_share(a_process(number))) for number in range(4)]

    assert __name__ in set.union(*shares)
    assert sum(map(len, shares)) == len(set.union(*shares))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_where_files_were_chosen_no_other_is_read() -> None:
    assert set(own_share(a_process(0, CHOSEN_FILES))) == set()


def test_who_tests_alone_has_no_share() -> None:
    alone = a_process(0)
    del alone.workerinput

    assert set(own_share(alone)) == set()
