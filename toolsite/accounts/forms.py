"""allauth's forms, where they told by their time, or by their limits, who has an account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import (
    ConfirmLoginCodeForm,
    RequestLoginCodeForm,
    ResetPasswordForm,
    SignupForm,
)
from allauth.account.internal.userkit import filter_users_by_email
from allauth.core import context
from django.db import transaction
from django.http import HttpRequest

from toolsite.accounts.letters import Letter
from toolsite.accounts.login_code import code_of
from toolsite.accounts.wrong_passwords import from_here, spend


class AlikeSignupForm(SignupForm):  # type: ignore[misc]
    """Takes as long for an address that has an account as for a new one."""

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            self.save_in_vain(request)
        return super().try_save(request)

    def save_in_vain(self, request: HttpRequest) -> None:
        """Do all the work of a new account, the slow hash before all, and take it back."""
        with transaction.atomic():
            self.account_already_exists = False
            self.save(request)
            self.account_already_exists = True
            transaction.set_rollback(True)


class AlikeResetPasswordForm(ResetPasswordForm):  # type: ignore[misc]
    """Looks nobody up: the letter's step does, out of the visitor's sight."""

    def clean_email(self) -> str:
        email: str = get_adapter().clean_email(self.cleaned_data["email"].lower())
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        get_adapter().send_mail(Letter.PASSWORD_LINK, email, {})
        return email


class PatientRequestLoginCodeForm(RequestLoginCodeForm):  # type: ignore[misc]
    """Counts codes by account and place: nobody can use up somebody else's."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if not spend(context.request, "request_login_code", from_here(context.request, email)):
            raise get_adapter().validation_error("too_many_codes")
        accounts = filter_users_by_email(
            email, is_active=True, prefer_verified=True, for_login=True
        )
        self._user = accounts[0] if accounts else None
        return email


class ComputedLoginCodeForm(ConfirmLoginCodeForm):  # type: ignore[misc]
    """Compares with the code of the reference that the session keeps."""

    def __init__(self, *args: Any, code: str = "", **kwargs: Any) -> None:
        super().__init__(*args, code=code_of(code), **kwargs)
