"""The database's clock, the only one the engine believes."""

from django.db.models import DateTimeField, Func


class ClockTimestamp(Func):
    """The time at the moment of evaluation; Now() would be the statement's."""

    function = "clock_timestamp"
    output_field = DateTimeField()
