"""What happens again and again is said once a minute for each cause, with how often it was held back.

All processes of a cluster say it once together: they are forked from one that has imported this, and
share its memory. There are no locks in it, which a killed process could leave locked; at worst a line
is said twice.
"""

import ctypes
import mmap
import time
import zlib

SAY_AGAIN_SECONDS = 60.0
SLOTS = 256
"""Two causes in one slot push each other out, and are said more often."""


class _Cause(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_uint32),
        ("held_back", ctypes.c_uint32),
        ("said_at", ctypes.c_double),
    )


_causes = (_Cause * SLOTS).from_buffer(mmap.mmap(-1, ctypes.sizeof(_Cause) * SLOTS))


def worth_saying(*cause: object) -> str | None:
    """Return how often the same was held back since it was last said, in words to be added to the line:
    empty where it was not. None: say nothing this time."""
    name = zlib.crc32(repr(cause).encode()) or 1
    slot, now = _causes[name % SLOTS], time.monotonic()
    known = slot.name == name
    if known and now - slot.said_at < SAY_AGAIN_SECONDS:
        slot.held_back += 1
        return None
    held_back = slot.held_back if known else 0
    slot.name, slot.said_at, slot.held_back = name, now, 0
    return f" ({held_back} more since it was last said)" if held_back else ""


def forget() -> None:
    """Forget what was said."""
    ctypes.memset(_causes, 0, ctypes.sizeof(_causes))


def first_line(error: BaseException) -> str:
    """Return what an error says first: its cause, without the place."""
    return str(error).partition("\n")[0]
