"""Refusals of what is possible for some time only."""

from submissions.errors import Refused


class NotExtended(Refused):
    """The time for the details cannot be extended (any more)."""

    code = "not_extended"
    next_step = "Only a running reservation can be extended, and only once. Nothing was changed."

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot

    @property
    def message(self) -> str:
        return f"The time for slot {self.slot} cannot be extended."


class AppealTooLate(Refused):
    """No moderator can be asked about it (any more)."""

    code = "appeal_too_late"
    title = "A moderator cannot be asked any more"
    next_step = "Your submission's page says how it stands. Nothing was changed."

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot

    @property
    def message(self) -> str:
        return f"The submission for slot {self.slot} is not waiting for your answer."
