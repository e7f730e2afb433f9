"""Pools: which clusters drive a workflow's runs."""

from collections.abc import Collection
from typing import Any

from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError

DEFAULT_POOL = "default"
"""Of workflows that name none, and what a cluster serves that is told nothing."""


def check_pool(told: str, pool: Any) -> None:
    """Raise DefinitionError for what is no name of a pool."""
    if not is_name(pool):
        raise DefinitionError(f'{told}: pool is {pool!r:.40}; give a name, such as pool="gpu"')


def check_pools(pools: Any) -> None:
    """Raise ValueError for what is no list of names of pools."""
    if not isinstance(pools, Collection) or isinstance(pools, str) or not pools:
        raise ValueError(f'{pools!r:.80} is no list of pools; write ["{DEFAULT_POOL}"]')
    if not all(is_name(each) for each in pools):
        raise ValueError(f"{pools!r:.80} holds what is no name of a pool")
