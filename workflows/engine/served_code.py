"""Which runs are driven in this process: those that it has code for and whose pools it serves."""

from collections.abc import Collection

from workflows.conf import conf
from workflows.definitions import workflow as definitions
from workflows.store.queue import Code

_told: Collection[str] | None = None


def serve(pools: Collection[str] | None) -> None:
    """Drive runs of these pools in this process and those that it forks; None: as the setting says."""
    global _told
    _told = pools


def served_pools() -> Collection[str]:
    """Return the pools whose runs are driven here."""
    return _told or conf().pools


def code_here() -> Code:
    """Return the workflows that this process has code for and whose pools are served here."""
    return Code(*definitions.code_of_pools(served_pools()))


def named_pool(workflow: str, version: int) -> str | None:
    """Return the pool that a workflow's code names; None: it is the default, or there is no code here."""
    return definitions.named_pool(workflow, version)
