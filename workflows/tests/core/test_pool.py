"""The names of pools, and lists of them."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.core.pool import DEFAULT_POOL, check_pool, check_pools


def test_a_pool_has_a_name() -> None:
    check_pool("workflow 'a'", "gpu")
    with pytest.raises(DefinitionError, match="workflow 'a': pool is ''; give a name"):
        check_pool("workflow 'a'", "")


def test_a_list_of_names_passes() -> None:
    check_pools((DEFAULT_POOL, "gpu"))


@pytest.mark.parametrize("pools", ["gpu", (), [""], None, [7]])
def test_anything_else_is_refused(pools: Any) -> None:
    with pytest.raises(ValueError, match="pool"):
        check_pools(pools)
