"""Where things are, and how run.py talks."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def data_dir() -> Path:
    """Return the folder for everything that running makes: data, logs, mail."""
    return ROOT / (os.environ.get("TOOLSITE_DATA_DIR", "").strip() or "var")


def say(line: str) -> None:
    """Tell whoever started run.py."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
