"""What people did lately, as far as it is limited: a row for each who and each deed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Usage(models.Model):
    """The moments at which somebody did something, as many as still count."""

    who = models.CharField(max_length=80)
    """An account or an address, as submissions/limits.py writes it."""
    deed = models.CharField(max_length=20)
    moments = ArrayField(models.DateTimeField())
    until = models.DateTimeField()
    """Afterwards none of the moments counts, and the row may go."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["who", "deed"], name="one_usage_per_deed"),
        ]
        indexes = [
            # limits.forget_some: rows that nobody needs any more.
            models.Index(fields=["until"], name="usage_until_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.deed}"
