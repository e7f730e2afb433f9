"""Refusals a visitor can meet; every sentence here is shown as it is.

SubmissionError
├── NotHere (404)      BoardUnknown  SlotUnknown  SubmissionUnknown  CarryUnknown  ToolUnknown
│                      NotWaiting
├── Refused (409)      SlotTaken  OpenReservation  SlotsUsedUp  BoardClosed  BoardHasRoom
│                      DetailsTooLate  DetailsAlreadySent  AlreadyDecided
│                      NotExtended  AppealTooLate: submissions/too_late.py
├── Unusable (422)     DetailsInvalid  LinkOnBoard  KeyUnusable  KeyReused
└── TooMuch (429)      TooOften  TooManyChecks: submissions/too_much.py
"""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from submissions.models import Submission


class SubmissionError(Exception):
    """A refusal: what happened (`message`), what to do (`next_step`), where (`slot`)."""

    code: ClassVar[str] = "submission"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "That did not work"
    next_step: str = "Go back to the board and try again."
    slot: int | None = None
    field: str = ""
    next_at: datetime | None = None
    """When the same is possible again, where that is known."""
    retry_after_seconds: int | None = None

    @property
    def message(self) -> str:
        """One sentence for the visitor."""
        return "Something about this request was not right."

    def __str__(self) -> str:
        return self.message


class NotHere(SubmissionError):
    status = 404
    title = "We could not find that"


class Refused(SubmissionError):
    status = 409


class Unusable(SubmissionError):
    status = 422


class BoardUnknown(NotHere):
    code = "board_unknown"
    next_step = "Check the address, or go to the current board."

    @property
    def message(self) -> str:
        return "There is no board at this address."


class SlotUnknown(NotHere):
    code = "slot_unknown"
    next_step = "Pick a slot from the board."

    def __init__(self, slot: int, slots: int) -> None:
        super().__init__(slot, slots)
        self.slots = slots

    @property
    def message(self) -> str:
        return f"This board has slots 1 to {self.slots}; the one you asked for is not among them."


class SubmissionUnknown(NotHere):
    code = "submission_unknown"
    next_step = "Your submissions are listed on their own page."

    @property
    def message(self) -> str:
        return "There is no submission of yours at this address."


class CarryUnknown(NotHere):
    code = "carry_unknown"
    next_step = "Reserve the slot from the board and fill the form in again."

    @property
    def message(self) -> str:
        return "We could not find the finished submission to copy from."


class ToolUnknown(NotHere):
    code = "tool_unknown"
    next_step = "Look for it in the tools directory."

    @property
    def message(self) -> str:
        return "There is no tool at this address."


class NotWaiting(NotHere):
    code = "not_waiting"
    next_step = "When the board is full, you can join it there."

    @property
    def message(self) -> str:
        return "You are not on the waitlist of this board."


class SlotTaken(Refused):
    code = "slot_taken"
    title = "The slot is taken"
    next_step = "Pick one of the free slots."

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot

    @property
    def message(self) -> str:
        return f"Someone took slot {self.slot} a moment before you."


class OpenReservation(Refused):
    """The person already holds another slot of this board."""

    code = "open_reservation"
    title = "You already hold a slot"
    next_step = "Send its details or give it back first."

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot

    @property
    def message(self) -> str:
        return f"You already hold slot {self.slot}; send its details or give it back first."


class SlotsUsedUp(Refused):
    """The person holds as many slots of this board as it gives to one."""

    code = "slots_used_up"
    title = "You hold all the slots you can have here"
    next_step = "Another one is possible when one of yours is free again."

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    @property
    def message(self) -> str:
        slots = "1 slot" if self.most == 1 else f"{self.most} slots"
        return f"This board gives each maker {slots}, and you hold as many already."


class BoardClosed(Refused):
    code = "board_closed"
    title = "The board is closed"
    next_step = "Come back when the board is open; published tools stay in the directory."

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @property
    def message(self) -> str:
        return f"{self.name} takes no reservations at the moment."


class BoardHasRoom(Refused):
    """Nobody has to wait: a slot is free."""

    code = "board_has_room"
    title = "There is a free slot"
    next_step = "Take it from the board."

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot

    @property
    def message(self) -> str:
        return f"You need not wait: slot {self.slot} is free."


class DetailsTooLate(Refused):
    """The reservation was over when the details came; what was typed is kept."""

    code = "details_too_late"
    title = "Your time is up"
    next_step = "Reserve a free slot and we fill the form in again."

    def __init__(self, submission: "Submission") -> None:
        super().__init__(submission)
        self.submission = submission
        self.slot = submission.slot

    @property
    def message(self) -> str:
        return f"Slot {self.slot} was no longer yours when the details arrived; they are kept."


class DetailsAlreadySent(Refused):
    """Other details came where some had been accepted before."""

    code = "details_already_sent"
    title = "Nothing was changed"
    next_step = "The submission goes on with what was sent first."

    def __init__(self, submission: "Submission") -> None:
        super().__init__(submission)
        self.submission = submission

    @property
    def message(self) -> str:
        return "Nothing was changed: the details of this submission were sent before."


class AlreadyDecided(Refused):
    """The submission is not in a state the moderator's verb applies to."""

    code = "already_decided"
    next_step = "Look at its state; nothing was changed."

    def __init__(self, slot: int, state: str) -> None:
        super().__init__(slot, state)
        self.slot = slot
        self.state = state

    @property
    def message(self) -> str:
        return f"The submission for slot {self.slot} is already {self.state.lower()}."


class DetailsInvalid(Unusable):
    """The form has faults; the form itself says which."""

    code = "details_invalid"
    title = "Some fields need another look"
    next_step = "Correct the marked fields and send the form again."

    @property
    def message(self) -> str:
        return "Some details need another look before they can be sent."


class LinkOnBoard(Unusable):
    code = "link_on_board"
    title = "This link is already on the board"
    field = "link"
    next_step = "Enter the link of another tool."

    @property
    def message(self) -> str:
        return "This link is already on this board; enter the link of another tool."


class KeyUnusable(Unusable):
    code = "key_unusable"
    next_step = "Send a shorter Idempotency-Key of plain characters, or none."

    @property
    def message(self) -> str:
        return "The Idempotency-Key must be 1 to 200 visible ASCII characters."


class KeyReused(Unusable):
    """The Idempotency-Key stands for another slot, or another board."""

    code = "key_reused"
    next_step = "Send a new key for a new reservation. Nothing was changed."

    def __init__(self, slot: int) -> None:
        super().__init__(slot)
        self.slot = slot

    @property
    def message(self) -> str:
        return f"This Idempotency-Key was used for another reservation, of slot {self.slot}."
