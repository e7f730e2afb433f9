"""The letters about accounts. Links and codes are made here, at the moment of sending.

A letter's order (its kind, an address, a reference) stands in a run, which staff may read: it must
open nothing.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from submissions.notices.mail import message_id
from toolsite.accounts.login_code import code_of


class Letter(StrEnum):
    """What a letter is about; also the name of its templates."""

    CONFIRM_ADDRESS = "email_confirmation"
    """Carries a link. The reference is the address's row."""
    ACCOUNT_EXISTS = "account_already_exists"
    """To somebody who signs up with the address of an account."""
    PASSWORD_LINK = "password_reset_key"  # noqa: S105  a template's name
    """Carries a link to each account of this address; says so where there is none."""
    LOGIN_CODE = "login_code"
    """Carries a code, made of the reference."""
    NO_ACCOUNT = "unknown_account"
    """To somebody who asks for a password or a code, and has no account."""


def written(letter: Letter, email: str, reference: str, key: str) -> list[EmailMessage]:
    """Return the mails of an order, each with a Message-ID that is the same at every try."""
    return [
        EmailMessage(
            subject=" ".join(render_to_string(f"account/email/{name}_subject.txt", facts).split()),
            body=render_to_string(f"account/email/{name}_message.txt", facts),
            to=[email],
            headers={"Message-ID": message_id(f"{key}.{number}", settings.SITE_URL)},
        )
        for number, (name, facts) in enumerate(contents(letter, email, reference))
    ]


def contents(letter: Letter, email: str, reference: str) -> Iterator[tuple[Letter, dict[str, Any]]]:
    """Yield template and facts of each mail; none where there is nothing left to tell."""
    if letter is Letter.CONFIRM_ADDRESS:
        for address in EmailAddress.objects.filter(pk=int(reference), verified=False):
            key = EmailConfirmationHMAC.create(address).key
            yield letter, {"activate_url": absolute("account_confirm_email", key=key)}
    elif letter is Letter.PASSWORD_LINK:
        yield from password_links(email)
    elif letter is Letter.LOGIN_CODE:
        yield letter, {"code": code_of(reference)}
    else:
        yield letter, addresses()


def password_links(email: str) -> Iterator[tuple[Letter, dict[str, Any]]]:
    accounts: list[User] = filter_users_by_email(
        email, is_active=True, prefer_verified=True, for_login=True
    )
    for user in accounts:
        token = default_token_generator.make_token(user)
        link = absolute(
            "account_reset_password_from_key", uidb36=user_pk_to_url_str(user), key=token
        )
        yield Letter.PASSWORD_LINK, {"password_reset_url": link}
    if not accounts:
        yield Letter.NO_ACCOUNT, addresses()


def addresses() -> dict[str, str]:
    return {
        "signup_url": absolute("account_signup"),
        "login_url": absolute("account_login"),
        "password_reset_url": absolute("account_reset_password"),
    }


def absolute(name: str, **arguments: str) -> str:
    """Return the address of a page for a mail: of the site's own name, never of a request's."""
    return f"{settings.SITE_URL}{reverse(name, kwargs=arguments)}"
