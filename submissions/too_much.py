"""Refusals of more than one person may do: 429, with the time of the next one where it is known."""

from datetime import datetime

from submissions.errors import SubmissionError


class TooMuch(SubmissionError):
    status = 429
    title = "Too much at once"


class TooOften(TooMuch):
    """More of one deed within a time than one account, or one address, may do."""

    code = "too_often"
    next_step = ""
    """The page names the moment at which the next one is possible."""

    def __init__(self, words: str, next_at: datetime | None, seconds: int) -> None:
        super().__init__(words, next_at, seconds)
        self.words = words
        self.next_at = next_at
        self.retry_after_seconds = seconds

    @property
    def message(self) -> str:
        return f"{self.words} is the limit, and you have reached it. Nothing was changed."


class TooManyChecks(TooMuch):
    """As many of the maker's links wait for their verdict as may at a time."""

    code = "too_many_checks"
    field = "__all__"
    next_step = "Wait for one of the checks to end; what you typed is kept."
    retry_after_seconds = 10

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    @property
    def message(self) -> str:
        links = "One of your links is" if self.most == 1 else f"{self.most} of your links are"
        return f"{links} being checked; this one can be sent as soon as one of them is done."
