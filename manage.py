#!/usr/bin/env python
"""Django's command line. `python3 run.py manage …` calls it in the running site's environment."""

import os
import sys


def main() -> None:
    """Run the management command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "toolsite.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here; use: python3 run.py manage …")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
