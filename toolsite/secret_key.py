"""The demo's signing key: random, made once, readable by its owner only."""

import os
import secrets
from pathlib import Path


def kept_secret_key(data_dir: Path) -> str:
    """Return the key kept in the data folder, making it first where there is none.

    Web, cluster and commands may ask at the same instant: all get the same key.
    """
    path = data_dir / "secret-key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        keep_first(path, secrets.token_urlsafe(50))
    return path.read_text()


def keep_first(path: Path, text: str) -> None:
    """Write the file unless another process was faster; it never exists half-written."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
