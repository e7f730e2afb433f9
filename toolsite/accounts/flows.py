"""The mail about accounts as workflow code: a visitor's request does not wait for a mail server."""

from toolsite.accounts import steps
from toolsite.accounts.letters import Letter
from workflows.api import Context, workflow


@workflow("accounts.letter", version=1)
def account_letter(run: Context, letter: Letter, email: str, reference: str = "") -> None:
    """Send one letter. Its input opens nothing: links and codes are made by the step."""
    if letter is Letter.LOGIN_CODE:
        run.step(steps.send_code, email, reference, run.idempotency_key)
    else:
        run.step(steps.send_letter, letter, email, reference, run.idempotency_key)
