"""How a letter about an account leaves: tried again while the mail server is away."""

from smtplib import SMTPException, SMTPResponseException

from toolsite.accounts.letters import Letter, written
from workflows.api import RetryPolicy, Transient, step

FOR_A_DAY = RetryPolicy(attempts=30, first_delay_seconds=5, factor=3, max_delay_seconds=3600)
WHILE_THE_CODE_HOLDS = RetryPolicy(attempts=6, first_delay_seconds=5, factor=3)
"""Ten minutes in all: `ACCOUNT_LOGIN_BY_CODE_TIMEOUT` is a quarter of an hour."""


@step(retry=FOR_A_DAY, timeout_seconds=30, atomic=False)
def send_letter(letter: Letter, email: str, reference: str, key: str) -> None:
    """Write the letter and hand it in. Raises Transient where another try may help."""
    hand_in(letter, email, reference, key)


@step(retry=WHILE_THE_CODE_HOLDS, timeout_seconds=30, atomic=False)
def send_code(email: str, reference: str, key: str) -> None:
    """Mail the code of this reference. Raises Transient where another try may help."""
    hand_in(Letter.LOGIN_CODE, email, reference, key)


def hand_in(letter: Letter, email: str, reference: str, key: str) -> None:
    for mail in written(letter, email, reference, key):
        try:
            mail.send()
        except (OSError, SMTPException, ValueError) as error:
            raise Transient(in_our_words(error)) from None


def in_our_words(error: Exception) -> str:
    """Say why the mail did not leave.

    Mail servers like to quote what they refuse, and what is said here stands in history and log.
    """
    if isinstance(error, SMTPResponseException):
        return f"The mail server refused the letter with code {error.smtp_code}."
    return f"The mail server could not be used: {type(error).__name__}."
