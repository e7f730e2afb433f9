"""Mail as files, for the demo: readable by their owner only, since they hold links and codes."""

import contextlib
import os
from pathlib import Path
from typing import Any

from django.core.mail.backends import filebased

OWNER_ONLY = 0o600
FOLDER_OWNER_ONLY = 0o700


class EmailBackend(filebased.EmailBackend):
    """Django's backend, with files that nobody else on this machine can read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Also for the files of releases that left them readable. A folder of somebody else's is
        # theirs to close.
        with contextlib.suppress(PermissionError):
            Path(self.file_path).chmod(FOLDER_OWNER_ONLY)

    def open(self) -> bool:
        """Open this connection's file, made with its owner's rights from the start."""
        if self.stream is not None:
            return False
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self.stream = os.fdopen(os.open(self._get_filename(), flags, OWNER_ONLY), "ab")
        return True
