"""Django's command, for a site where one signs in by a confirmed address."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import transaction


class Command(createsuperuser.Command):
    """Makes a superuser who can sign in at once: who runs this vouches for the address."""

    help = "Make a superuser, with a confirmed email address to sign in with."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Make the account and its address, or neither. Raises CommandError."""
        before = list(User.objects.filter(is_superuser=True).values_list("pk", flat=True))
        super().handle(*args, **options)
        for user in User.objects.filter(is_superuser=True).exclude(pk__in=before):
            confirm_address(user)


def confirm_address(user: User) -> None:
    email = user.email.lower()
    if not email:
        raise CommandError("Nobody was made: one signs in by email address, so give one.")
    if EmailAddress.objects.filter(email=email, verified=True).exists():
        raise CommandError(f"Nobody was made: {email} is the confirmed address of another account.")
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
