"""Third-party front-end files are the pinned ones, and all of them are needed."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from ops.vendor import ROOT, Package, check, read_pins, sha256
from submissions.templatetags.toolsite_ui import STATE_ICONS
from workflows.ui import icons

TEMPLATES = Path(settings.BASE_DIR) / "templates"


def pinned(content: bytes) -> dict[str, Package]:
    package = Package(
        version="1.0.0",
        licence="MIT",
        files={},
        folders={"vendor": []},
        sha256={"vendor/a.js": sha256(content)},
    )
    return {"package": package}


def test_the_vendored_files_are_as_pinned() -> None:
    faults = check(read_pins(), ROOT)

    assert faults == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder of vendored files, in the root that a check looks at."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    return folder


def test_a_changed_file_is_named(folder: Path) -> None:
    (folder / "a.js").write_bytes(b"other")

    faults = check(pinned(b"content"), folder.parent)

    assert faults == ["vendor/a.js was changed; run python ops/vendor.py to restore it"]


def test_a_missing_file_is_named(folder: Path) -> None:
    pins = pinned(b"content")

    faults = check(pins, folder.parent)

    assert faults == ["vendor/a.js is pinned but missing; run python ops/vendor.py"]


def test_a_file_that_nobody_pinned_is_named(folder: Path) -> None:
    (folder / "a.js").write_bytes(b"content")
    (folder / "b.js").write_bytes(b"content")

    faults = check(pinned(b"content"), folder.parent)

    assert faults == ["vendor/b.js is not pinned; add it to ops/vendor.json or delete it"]


def test_the_icons_are_those_the_pages_use() -> None:
    pages = "".join(page.read_text() for page in TEMPLATES.rglob("*.html"))
    named = set(re.findall(r'{% icon "([^"]+)"', pages))

    site = set(json.loads((ROOT / "static/vendor/icons.json").read_text()))
    engine = set(icons.ENGINE_ICONS.names())

    assert engine == set(icons.STATE_ICONS.values())
    assert site == (named | set(STATE_ICONS.values())) - engine
