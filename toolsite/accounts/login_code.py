"""The code that signs somebody in, mailed to them.

Nothing keeps it: it is computed from a reference, which stands in the visitor's session and in the
letter's run, and from the site's secret key. So neither a run nor a session tells the code.
"""

from django.utils.crypto import get_random_string, salted_hmac

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word. Source: RFC 8628, 6.1."""
LENGTH = 8


def new_reference() -> str:
    """Return the name of a new code."""
    return get_random_string(32)


def code_of(reference: str) -> str:
    """Return the code of a reference, such as BCDF-GHJK; an empty one has none."""
    if not reference:
        return ""
    digest = salted_hmac("toolsite.accounts.login_code", reference, algorithm="sha256").digest()
    number = int.from_bytes(digest, "big")
    letters = [LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(LENGTH)]
    return "".join(letters[:4]) + "-" + "".join(letters[4:])
