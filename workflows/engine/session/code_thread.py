"""Which thread runs the workflow's code: in it alone, and while it runs, may the run be used.

In another thread the operations would be numbered by chance, and a run that was kept in a global belongs
to a drive that is over.
"""

import threading
from asyncio import _get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import SynchronousOnlyOperation
from django.utils.asyncio import async_unsafe

from workflows.core.errors import DefinitionError


class CodeThread:
    """The thread of one pass of a workflow's code."""

    def __init__(self) -> None:
        self._ident: int | None = None

    @contextmanager
    def here(self) -> Iterator[None]:
        """This thread runs the code inside the block."""
        self._ident = threading.get_ident()
        try:
            yield
        finally:
            self._ident = None

    @property
    def is_running(self) -> bool:
        """Whether the code runs at all."""
        return self._ident is not None

    def fault(self) -> DefinitionError | None:
        """Return what is wrong with using the run here and now; None: nothing."""
        if self._ident == threading.get_ident():
            return None
        if self._ident is None:
            return DefinitionError(
                "this run is used after its code has ended here, or by another run: never keep a run "
                "in a global or an object; hand it on to the functions that use it"
            )
        return DefinitionError(
            "the run is used in a thread of its own, where the order of its operations is chance; "
            "write run.gather(…), run.graph(…) or run.map(…) for several at once"
        )


def refuse_event_loop() -> None:
    """Raise DefinitionError inside async code: the step would run, and could not be recorded."""
    if _get_running_loop() is None:
        return
    try:
        _as_django_asks()
    except SynchronousOnlyOperation:
        raise DefinitionError(
            "the run is used inside an event loop; write plain functions, and run.gather(…), "
            "run.graph(…) or run.map(…) for several at once"
        ) from None


@async_unsafe
def _as_django_asks() -> None:
    """Refused by Django wherever it would refuse the statements of the record."""
