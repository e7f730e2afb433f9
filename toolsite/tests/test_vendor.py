"""Third-party front-end files are the pinned ones, and all of them are needed."""

import json
import re
from pathlib import Path

from django.conf import settings

from ops.vendor import VENDORED, Package, check, read_pins, sha256
from submissions.templatetags.toolsite_ui import STATE_ICONS

TEMPLATES = Path(settings.BASE_DIR) / "templates"


def pinned(content: bytes) -> dict[str, Package]:
    package = Package(
        version="1.0.0", licence="MIT", files={}, icons=[], sha256={"a.js": sha256(content)}
    )
    return {"package": package}


def test_the_vendored_files_are_as_pinned() -> None:
    faults = check(read_pins(), VENDORED)

    assert faults == []


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"other")

    faults = check(pinned(b"content"), tmp_path)

    assert faults == ["a.js was changed; run python ops/vendor.py to restore it"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    pins = pinned(b"content")

    faults = check(pins, tmp_path)

    assert faults == ["a.js is pinned but missing; run python ops/vendor.py"]


def test_a_file_that_nobody_pinned_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"content")
    (tmp_path / "b.js").write_bytes(b"content")

    faults = check(pinned(b"content"), tmp_path)

    assert faults == ["b.js is not pinned; add it to ops/vendor.json or delete it"]


def test_the_icons_are_those_the_pages_use() -> None:
    pages = "".join(page.read_text() for page in TEMPLATES.rglob("*.html"))
    named = set(re.findall(r'{% icon "([^"]+)"', pages))

    vendored = set(json.loads((VENDORED / "icons.json").read_text()))

    assert vendored == named | set(STATE_ICONS.values())
