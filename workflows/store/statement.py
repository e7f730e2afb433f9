"""A statement of the engine: its SQL, declared once, with the places where it tells the time."""

from datetime import timedelta

NOW = "<now>"
"""In a statement: the moment at which it is evaluated."""

STATEMENT_TIME = "<statement time>"
"""In a statement: the moment at which it began. It bounds an index scan, which NOW cannot, since
that may change from row to row."""

_SERVER_CLOCK = {NOW: "clock_timestamp()", STATEMENT_TIME: "statement_timestamp()"}


class Statement:
    """SQL that reads the clock as NOW and STATEMENT_TIME. Made once, when its module is imported."""

    __slots__ = ("_later", "_sql", "tells_time", "text")

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self.tells_time = NOW in sql or STATEMENT_TIME in sql
        self.text = _rendered(sql, "{}")
        """For the server's own clock."""
        self._later = (timedelta(), self.text)

    def ahead_by(self, ahead: timedelta) -> str:
        """Return the text for a clock that is so far ahead of the server's."""
        known, text = self._later
        if ahead != known:
            microseconds = ahead // timedelta(microseconds=1)
            text = _rendered(self._sql, f"({{}} + interval '{microseconds} microseconds')")
            self._later = (ahead, text)
        return text


def _rendered(sql: str, form: str) -> str:
    for name, function in _SERVER_CLOCK.items():
        sql = sql.replace(name, form.format(function))
    return sql
