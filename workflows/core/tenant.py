"""For whom a run is, beside others that are due: tenants take turns."""

from typing import Any

from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError

NOBODY = ""
"""The tenant of a run that names none."""


def check_tenant(asker: str, tenant: Any) -> str:
    """Return a tenant. Raises DefinitionError for what is none."""
    if tenant != NOBODY and not is_name(tenant):
        raise DefinitionError(
            f"{asker}: tenant is {tenant!r:.40}; give a text of up to 500 characters, such as the "
            "account's id"
        )
    return str(tenant)
