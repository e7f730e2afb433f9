"""The waitlist of a board: who wants the next slot that falls free, in order."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Waiting(models.Model):
    """One maker who waits. The row goes when a slot is offered to them, or they leave."""

    # No index of its own: waiting_in_order_idx begins with it.
    board = models.ForeignKey(
        "submissions.Board", on_delete=models.CASCADE, related_name="waiting", db_index=False
    )
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="waiting"
    )
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["board", "maker"], name="one_place_per_maker"),
        ]
        indexes = [
            # offers.first_in_line. Who joins locks the board, so ids follow the order of commits.
            models.Index(fields=["board", "id"], name="waiting_in_order_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.maker} waits for {self.board}"
