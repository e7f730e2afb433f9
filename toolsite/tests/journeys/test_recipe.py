"""The recipe of docs/operations.md, "Production", command by command, on an empty database."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pytest_django.plugin import DjangoDbBlocker

from ops.places import PYTHON
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import PASSWORD

ROOT = Path(__file__).resolve().parents[3]
EMAIL = "root@example.com"
ANSWERS = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": EMAIL,
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}
"""What the operator types."""
PRODUCTION = {
    "EMAIL_URL": "submission://user:password@mail.example.com:587",
    "TOOLSITE_ALLOWED_HOSTS": "tools.example.com",
    "TOOLSITE_HTTPS": "1",
    "TOOLSITE_LINK_CHECK_ALLOW": "",
}


@pytest.fixture
def fresh(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnSite]:
    """Return a site of which there is nothing but an empty database."""
    with django_db_blocker.unblock():
        site = OwnSite("recipe", empty=True)
        try:
            yield site
        finally:
            site.close()


def recipe() -> list[list[str]]:
    """Return the recipe's commands that are manage.py's, up to where the servers start."""
    page = (ROOT / "docs/operations.md").read_text()
    steps = page.split("\n## Production\n", 1)[1].split("\n4. ", 1)[0]
    return [shlex.split(line) for line in re.findall(r"`manage\.py ([^`]+)`", steps)]


def run(site: OwnSite, command: list[str]) -> str:
    """Return what a command says, as an operator of a site on the net runs it."""
    quietly = ["--noinput"] if command[0] in {"createsuperuser", "collectstatic"} else []
    env = site.env | PRODUCTION | ANSWERS
    env.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of the browser's fixture
    said = subprocess.run(
        [PYTHON, "manage.py", *command, *quietly],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout + said.stderr


def sign_in(site: OwnSite) -> requests.Session:
    browser = requests.Session()
    page = browser.get(f"{site.url}/accounts/login/?next=/admin/", timeout=10)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token
    typed = {"login": EMAIL, "password": PASSWORD, "next": "/admin/"}
    typed["csrfmiddlewaretoken"] = token[1]
    assert browser.post(page.url, data=typed, timeout=10).url == f"{site.url}/admin/"
    return browser


def test_by_its_recipe_a_fresh_site_works(fresh: OwnSite) -> None:
    said = {command[0]: run(fresh, command) for command in recipe()}

    assert {"migrate", "createsuperuser", "add_board"} <= set(said)
    assert said["check"] == "System check identified no issues (2 silenced).\n"
    fresh.start_web()
    page = sign_in(fresh).get(f"{fresh.url}/", timeout=10)
    assert "Launch" in page.text
