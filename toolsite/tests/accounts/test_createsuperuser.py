"""A superuser made by the command can sign in at once, where addresses must be confirmed."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings

from toolsite.tests.accounts.signing_in import PASSWORD, account, at, try_password

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)


def make(email: str) -> None:
    call_command("createsuperuser", interactive=False, username="root", email=email, verbosity=0)


@override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")
def test_a_superuser_signs_in_at_once() -> None:
    make("Root@Example.com")

    assert try_password(at("192.0.2.1"), PASSWORD, "root@example.com") == "in"
    assert User.objects.get().is_superuser


def test_a_superuser_without_an_address_is_not_made() -> None:
    with pytest.raises(CommandError, match="give one"):
        make("")

    assert not User.objects.exists()


def test_a_superuser_with_somebody_elses_address_is_not_made() -> None:
    account("alice")

    with pytest.raises(CommandError, match="of another account"):
        make("alice@example.com")

    assert not User.objects.filter(is_superuser=True).exists()
