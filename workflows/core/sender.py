"""Who sent an event: what its receiver may know of that."""

from typing import NamedTuple
from uuid import UUID


class Sender(NamedTuple):
    """As it is stored with the event."""

    by: str = ""
    """Who: a user's name; "" where nobody said, and for a run."""
    tenant: str = ""
    """For whom it was sent; of a run, its tenant."""
    run: UUID | None = None
    """The run that sent it; None: somebody outside."""


NOBODY_SAID = Sender()
