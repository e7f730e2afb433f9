"""What the pages about a forgotten password say."""

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client

from toolsite.accounts.letters import Letter, contents
from toolsite.tests.accounts.signing_in import account

pytestmark = pytest.mark.django_db


def test_a_used_link_says_so_in_its_title_too(client: Client) -> None:
    page = client.get("/accounts/password/reset/key/1-wrong-key/").content.decode()

    assert title(page).startswith("This link no longer works")


def test_a_new_password_is_told_once(client: Client) -> None:
    user = account("ana")
    [(_, facts)] = contents(Letter.PASSWORD_LINK, user.email, "")
    form = client.get(urlsplit(facts["password_reset_url"]).path).headers["Location"]
    typed = dict.fromkeys(("password1", "password2"), "another-horse-8-battery")

    done = client.post(form, typed, follow=True).content.decode()

    assert title(done).startswith("Sign in with your new password")
    assert "Password successfully changed." not in done
    assert "Your password is changed." in done
    assert "Your password is changed" not in done.replace("Your password is changed.", "")


def title(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    return found[1].strip() if found else ""
