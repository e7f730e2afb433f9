"""Which release this process runs, as far as pages can tell."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings

MAKE_PAGES = (
    "templates/**/*.html",
    "submissions/**/*.py",
    "workflows/ui/**/*",
    "static/vendor/*.json",
)
"""What a part of a page is made of. Two hosts of one release find the same."""


@cache
def release() -> str:
    """Return a digest of all that makes pages; a process's code does not change."""
    digest = sha256()
    for path in sorted(
        found for each in MAKE_PAGES for found in Path(settings.BASE_DIR).glob(each)
    ):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
