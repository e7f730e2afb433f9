"""What every page gets besides its own facts."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from submissions import selectors


def open_reservation(request: HttpRequest) -> dict[str, object]:
    """The viewer's reservation that waits for details, or None; asked for only where shown."""
    viewer = getattr(request, "user", AnonymousUser())
    return {"open_reservation": SimpleLazyObject(lambda: selectors.open_reservation(viewer))}
