"""How urgent a run is, beside others that are due: the claim takes the highest first."""

from typing import Any

from workflows.core.errors import DefinitionError

LOWEST, HIGHEST = -9, 9
"""Few, since a claim asks for each workflow at each priority that there is in the queue."""


def check_priority(asker: str, priority: Any) -> int:
    """Return a priority. Raises DefinitionError for what is none."""
    is_whole = isinstance(priority, int) and not isinstance(priority, bool)
    if not is_whole or not LOWEST <= priority <= HIGHEST:
        raise DefinitionError(
            f"{asker}: priority is {priority!r:.40}; give a whole number from {LOWEST} to {HIGHEST}, "
            "the higher the sooner"
        )
    return int(priority)
