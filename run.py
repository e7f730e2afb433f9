#!/usr/bin/env python3
"""The one command: `python3 run.py` starts the site, `python3 run.py test` tests it.

This file must be readable by any Python 3, so that an old one gets a sentence, not a SyntaxError.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  pip does not guard this file
    version = "{}.{}".format(*sys.version_info[:2])
    sys.exit("run.py: this needs Python 3.11 or newer, not " + version + "; try: python3.11 run.py")
if sys.platform == "win32":
    sys.exit("run.py: this runs on Linux and macOS; on Windows, use WSL.")

from ops.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
