"""Errors by which Python tells a mistake in the code: a run waits until it is mended."""

from workflows.core.errors import DefinitionError

PROGRAMMING_ERRORS: frozenset[type[BaseException]] = frozenset(
    {
        *(AssertionError, AttributeError, ImportError, IndexError, KeyError, ModuleNotFoundError),
        *(NameError, RecursionError, TypeError, UnboundLocalError),
    }
)
"""Exactly these: a class of one's own that derives from one of them says what somebody meant."""

Errors = tuple[type[Exception], ...]


def waits_for_mending(why: BaseException, fails_on: Errors = ()) -> bool:
    """Say whether workflow code that raised this is to be mended, so that its run does not end.

    fails_on: what ends the run all the same, as its workflow says.
    """
    if isinstance(why, DefinitionError):
        return True
    return type(why) in PROGRAMMING_ERRORS and not isinstance(why, fails_on)
