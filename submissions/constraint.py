"""Which rule of the database an INSERT or UPDATE ran into."""

from django.db import IntegrityError


def violated(error: IntegrityError) -> str:
    """Return the constraint's name as PostgreSQL gives it, or "" where it names none."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""
