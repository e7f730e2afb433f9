"""What is driven in this process: the runs that it has code for and whose pools it serves, and the steps of
these pools in runs of others."""

from collections.abc import Collection

from workflows.conf import conf
from workflows.core.pool import DEFAULT_POOL
from workflows.definitions import step as steps, workflow as definitions
from workflows.store.guests import Guests
from workflows.store.queue import Code

_told: Collection[str] | None = None


def serve(pools: Collection[str] | None) -> None:
    """Drive runs and steps of these pools in this process and those that it forks; None: as the setting
    says."""
    global _told
    _told = pools


def served_pools() -> Collection[str]:
    """Return the pools whose runs and steps are driven here."""
    return _told or conf().pools


def known_pools() -> set[str]:
    """Return the pools that the workflows and steps of this process's code name, and the default."""
    return definitions.workflow_pools() | steps.step_pools()


def code_here() -> Code:
    """Return the workflows that this process has code for and whose pools are served here, and which pools'
    steps it looks for in the runs of others."""
    pools = served_pools()
    return Code(*definitions.code_of_pools(pools), _guests(pools))


def _guests(pools: Collection[str]) -> Guests | None:
    """Return what to look for; None: no step asks for what is served here. Whoever was told to serve a
    pool looks all the same: newer code may have steps of it, or older code have had some."""
    if steps.step_pools().isdisjoint(pools) and set(pools) == {DEFAULT_POOL}:
        return None
    return Guests(list(pools), *definitions.known_code())


def count_steps_here() -> int:
    """Count the steps that name a pool which is served here."""
    return steps.count_steps(served_pools())


def own_pool(workflow: str, version: int) -> str:
    """Return the pool of a workflow's runs, as far as there is code here."""
    return definitions.named_pool(workflow, version) or DEFAULT_POOL


def named_pool(workflow: str, version: int) -> str | None:
    """Return the pool that a workflow's code names; None: it is the default, or there is no code here."""
    return definitions.named_pool(workflow, version)
