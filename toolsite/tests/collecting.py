"""What makes the beginning of a test run short: thousands of tests are collected by each process."""

import contextlib
import gc
import importlib
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

TEST_FILES = "*/tests/**/test_*.py"


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without looking for garbage: what is collected stays, and is never looked at again."""
    gc.disable()
    try:
        for name in own_share(session.config):
            # Whatever is wrong with it is told when the file is collected.
            with contextlib.suppress(Exception, pytest.skip.Exception):
                importlib.import_module(name)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def own_share(config: pytest.Config) -> Iterator[str]:
    """Yield which test modules this process of several reads before the others, where all are run.

    pytest rewrites each module's asserts, which takes longer than all the rest, and keeps the result
    for whoever reads the module next. Each process collects all of them, in the same order at the same
    time; without this, each would rewrite them all.
    """
    given: dict[str, object] | None = getattr(config, "workerinput", None)
    if given is None or config.args_source is config.ArgsSource.ARGS:
        return
    own, processes = int(str(given["workerid"]).removeprefix("gw")), int(str(given["workercount"]))
    for path in sorted(Path(config.rootpath).glob(TEST_FILES))[own::processes]:
        yield ".".join(path.relative_to(config.rootpath).with_suffix("").parts)
