"""The one error that run.py shows to people."""


class Refused(Exception):
    """run.py cannot go on; the message says why and what to do, in one line where it can."""

    exit_code = 2
