"""Tenants are named by texts."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.core.tenant import check_tenant


@pytest.mark.parametrize("tenant", ["", "ann", "7", "ä" * 500])
def test_texts_are_tenants(tenant: str) -> None:
    assert check_tenant("start", tenant) == tenant


@pytest.mark.parametrize("tenant", [7, None, True, "a" * 501, "a\x00"])
def test_anything_else_is_refused_with_what_to_give(tenant: Any) -> None:
    with pytest.raises(DefinitionError, match="give a text of up to 500 characters") as refused:
        check_tenant("start", tenant)

    assert str(refused.value).startswith("start: tenant is ")
