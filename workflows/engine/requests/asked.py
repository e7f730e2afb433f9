"""What callers say of themselves, checked: who they are, why they ask, by which way."""

from workflows.core.asked import Asked
from workflows.core.errors import InvalidInput
from workflows.core.failure import storable


def asked(*, by: str, reason: str, via: str) -> Asked:
    """Return what is kept of it: 200, 500 and 50 characters at most. Raises InvalidInput for what is
    no text."""
    return Asked(name_of(by), words_of("reason", reason, 500), words_of("via", via, 50))


def name_of(by: str) -> str:
    """Return who asks, as it is stored. Raises InvalidInput for what is no text."""
    return words_of("by", by, 200)


def words_of(what: str, given: object, limit: int) -> str:
    """Return what somebody says, as it is stored. Raises InvalidInput for what is no text."""
    if not isinstance(given, str):
        raise InvalidInput(f"{what} is {given!r:.80}; give a text (of a user, get_username())")
    return storable(given, limit)
