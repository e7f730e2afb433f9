"""Third-party front-end files, pinned by version, licence and SHA-256.

`python ops/vendor.py` fetches what vendor.json names into the folders it names (needs npm): the site's
and the engine's, which has to stand alone in other projects. It writes the new hashes; `python ops/vendor.py --check` compares the committed files with the hashes,
offline, and ends with status 1 when one differs. The tests run the same check.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TypedDict

FOLDER = Path(__file__).resolve().parent
PINS = FOLDER / "vendor.json"
ROOT = FOLDER.parent


class Package(TypedDict):
    """One npm package: what we take from it, and the hash of every file we keep."""

    version: str
    licence: str
    files: dict[str, str]
    """Path inside the package → name in every folder."""
    folders: dict[str, list[str]]
    """Folder of this repository → the icons to gather into its icons.json, as name → what is inside
    the <svg>. An icon stands in one folder only."""
    sha256: dict[str, str]
    """Path in this repository → hash."""


def read_pins() -> dict[str, Package]:
    pins: dict[str, Package] = json.loads(PINS.read_text())
    return pins


def check(pins: dict[str, Package], root: Path) -> list[str]:
    """Return one sentence for each file that is missing, changed or not pinned."""
    pinned = {name: sha for package in pins.values() for name, sha in package["sha256"].items()}
    folders = {folder for package in pins.values() for folder in package["folders"]}
    present = {
        f"{folder}/{path.name}": sha256(path.read_bytes())
        for folder in folders
        for path in (root / folder).iterdir()
    }
    faults = []
    for name in sorted(pinned.keys() | present.keys()):
        if name not in present:
            faults.append(f"{name} is pinned but missing; run python ops/vendor.py")
        elif name not in pinned:
            faults.append(f"{name} is not pinned; add it to ops/vendor.json or delete it")
        elif present[name] != pinned[name]:
            faults.append(f"{name} was changed; run python ops/vendor.py to restore it")
    return faults


def fetch() -> None:
    """Download every pinned package and write its files and their hashes."""
    pins = read_pins()
    for name, package in pins.items():
        kept = download(name, package)
        for path, content in kept.items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_bytes(content)
        package["sha256"] = {path: sha256(content) for path, content in kept.items()}
    PINS.write_text(json.dumps(pins, indent=2) + "\n")


def download(name: str, package: Package) -> dict[str, bytes]:
    """Return the files we keep of one package by their paths; npm itself verifies the download."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{name}@{package['version']}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as tar:
            kept = {}
            for place, icons in package["folders"].items():
                for source, target in package["files"].items():
                    kept[f"{place}/{target}"] = read(tar, source)
                if icons:
                    kept[f"{place}/icons.json"] = gather_icons(tar, icons)
    return kept


def gather_icons(tar: tarfile.TarFile, names: list[str]) -> bytes:
    """Return one JSON object of the icons' inner SVG, so that a page costs no request for them."""
    icons = {name: inner_svg(read(tar, f"icons/{name}.svg").decode()) for name in sorted(names)}
    return (json.dumps(icons, indent=1) + "\n").encode()


def inner_svg(svg: str) -> str:
    found = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if found is None:
        raise ValueError("this icon file holds no <svg> element")
    return re.sub(r"\s+", " ", found[1]).strip()


def read(tar: tarfile.TarFile, path: str) -> bytes:
    # npm puts everything of a package under package/.
    member = tar.extractfile(f"package/{path}")
    if member is None:
        raise FileNotFoundError(f"{path} is not a file of the package")
    return member.read()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        fetch()
    faults = check(read_pins(), ROOT)
    print("\n".join(faults) or "The vendored files are as pinned.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
