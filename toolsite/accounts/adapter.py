"""Where allauth asks us: how mail leaves, and how many passwords may be tried."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from toolsite.accounts import wrong_passwords
from toolsite.accounts.flows import account_letter
from toolsite.accounts.letters import Letter
from toolsite.accounts.login_code import new_reference
from workflows.api import start


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Orders letters instead of sending them, and counts wrong passwords by account and place."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": (
            "Too many failed login attempts. Wait a few minutes, or sign in by a mailed code."
        ),
        "too_many_codes": "Too many codes. Use the last one, or ask again in a few minutes.",
    }

    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: Any, signup: bool
    ) -> None:
        address = emailconfirmation.email_address
        order(Letter.CONFIRM_ADDRESS, address.email, str(address.pk))

    def send_account_already_exists_mail(self, email: str) -> None:
        order(Letter.ACCOUNT_EXISTS, email)

    def send_password_reset_mail(self, user: Any, email: str, context: dict[str, Any]) -> None:
        order(Letter.PASSWORD_LINK, email)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Order what allauth would send at once. Raises ValueError for a letter that we lack."""
        letter = Letter(template_prefix.removeprefix("account/email/"))
        order(letter, email, context.get("code", ""))

    def generate_login_code(self) -> str:
        """Return what the session keeps in the code's place."""
        return new_reference()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        self._login_failed_rl_usage = wrong_passwords.count(request, account_in(credentials))
        if not self._login_failed_rl_usage:
            raise self.validation_error("too_many_login_attempts")

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        wrong_passwords.forget(request, account_in(credentials))


def account_in(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username", ""))


def order(letter: Letter, email: str, reference: str = "") -> None:
    """Have a letter sent by the cluster. One round trip, whatever the letter is about."""
    start(account_letter, letter=letter, email=email, reference=reference)
