"""A replay in a process of its own, where sets and the like go in another order.

Python shuffles the order of sets anew in every process, by a seed that it takes at its start only.
The child gets the history by its standard input, imports the code, replays, and answers. It needs no
database.
"""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from types import FunctionType
from typing import Any

from django.conf import settings

from workflows.definitions.workflow import find_workflow
from workflows.engine.history_export import import_history
from workflows.engine.replay_check import replay

PATIENCE_SECONDS = 120
TURNED_OFF_BY = "assert_deterministic.using(another_hash_seed=False)(…) leaves it out"
_CHILD = (
    "import json, os, sys; answer = os.dup(1); os.dup2(2, 1); told = json.load(sys.stdin); "
    "sys.path[:] = told['path']; import django; django.setup(); "
    "from workflows.testing import hash_seed; "
    "os.write(answer, json.dumps(hash_seed.replayed(told)).encode())"
)
"""What the project prints goes to standard error; the answer has standard output for itself."""


class _LeftOut(Exception):
    """Why no other process can replay it."""


def difference_under_another_seed(
    function: FunctionType, exported: dict[str, Any], returned: str | None
) -> str | None:
    """Replay a history in a process with another hash seed; return the difference, None for none.
    Warns where that cannot be tried: the process must be able to import the workflow by itself."""
    told = {
        "path": [each or os.getcwd() for each in sys.path],
        "module": function.__module__,
        "file": function.__code__.co_filename,
        "history": exported,
        "returned": returned,
    }
    try:
        _check_that_it_can_be_imported(function)
        return _asked(json.dumps(told))
    except _LeftOut as exc:
        warnings.warn(
            f"the replay under another hash seed was left out: {exc}. {TURNED_OFF_BY}.",
            stacklevel=4,  # whoever calls assert_deterministic
        )
        return None


def replayed(told: dict[str, Any]) -> str | None:
    """Replay what difference_under_another_seed has sent, in the process that it has started."""
    recorded = replace(import_history(told["history"]), returned=told["returned"])
    if find_workflow(recorded.workflow, recorded.version) is None:
        _import(told["module"], told["file"])
    difference = replay(recorded)
    return None if difference is None else difference.why


def _check_that_it_can_be_imported(function: FunctionType) -> None:
    name = function.__qualname__
    if "<locals>" in name:
        raise _LeftOut(f"{name} stands inside a function; put it on top of its module")
    if function.__module__ == "__main__":
        raise _LeftOut(f"{name} stands in the program itself; put it into a module")
    if not _settings_module():
        raise _LeftOut("DJANGO_SETTINGS_MODULE names no settings that another process could read")


def _settings_module() -> str:
    known = os.environ.get("DJANGO_SETTINGS_MODULE")
    return known or str(getattr(settings, "SETTINGS_MODULE", "") or "")


def _asked(told: str) -> str | None:
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": _settings_module(),
        "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1",
    }
    try:
        child = subprocess.run(  # noqa: S603 - this interpreter, with a constant
            [sys.executable, "-c", _CHILD],
            input=told,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _LeftOut(f"its process took longer than {PATIENCE_SECONDS} s") from None
    if child.returncode:
        raise _LeftOut("its process failed: " + child.stderr.strip().rpartition("\n")[2])
    why: str | None = json.loads(child.stdout)
    return why


def _import(module: str, file: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as exc:
        spec = importlib.util.spec_from_file_location(module, file)
        if exc.name != module or spec is None or spec.loader is None:
            raise
        found = importlib.util.module_from_spec(spec)
        sys.modules[module] = found
        spec.loader.exec_module(found)
