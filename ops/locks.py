"""Locks that the kernel frees when their holder dies, however it dies."""

import fcntl
import os
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock until it is closed, or None where another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Say whether a living process holds this lock."""
    if not path.exists():
        return False
    descriptor = try_lock(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def lock_folder(path: Path) -> int:
    """Wait for a folder's lock; it needs no file of its own."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor
