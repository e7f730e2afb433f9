"""Addresses with a host. It is the site's own (SITE_URL), never the one a request came for: that one
is the asker's to choose, and what is read here is kept by others."""

from django.conf import settings


def site_url() -> str:
    """Return the site's address without a slash at its end: https://tools.example."""
    return settings.SITE_URL.rstrip("/")


def absolute(path: str) -> str:
    """Return the whole address of a path of this site."""
    return f"{site_url()}{path}"
