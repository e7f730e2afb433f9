"""How callers name a run."""

from typing import Any
from uuid import UUID

import pytest

from workflows.core.errors import RunNotFound
from workflows.core.run import run_id_of

ID = UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")


@pytest.mark.parametrize("given", [ID, str(ID), ID.hex, str(ID).upper()])
def test_an_id_is_taken_as_it_is_or_as_text(given: UUID | str) -> None:
    assert run_id_of(given) == ID


@pytest.mark.parametrize("nothing", ["", "no-id", None, 7, b"7d444840", object()], ids=repr)
def test_what_names_no_run_is_told(nothing: Any) -> None:
    with pytest.raises(RunNotFound, match="give the id of a run"):
        run_id_of(nothing)
