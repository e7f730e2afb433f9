"""docs/another-project.md, followed word for word by somebody who has only the wheel."""

import re
from urllib.parse import urljoin

import pytest
import requests

from ops.free_port import free_port
from workflows.tests.package.page import Addition, steps
from workflows.tests.package.stranger import Stranger

PAGE = "another-project.md"
MOST_LINES = 10
STAYS_OPEN = ("runcluster", "runserver")
COMPLAINT = r"(?i)^(?!WARNING: This is a development server).*(?:warning|error|traceback).*$"


def test_a_fresh_project_needs_ten_lines_at_most() -> None:
    added = [step.text.strip().splitlines() for step in steps(PAGE) if isinstance(step, Addition)]

    assert sum(map(len, added)) <= MOST_LINES


@pytest.mark.cluster
def test_a_stranger_follows_the_page_to_a_run_an_admin_and_tests(stranger: Stranger) -> None:
    stranger.enter("another-project")

    port = follow_the_page(stranger)

    assert_the_run_of_the_page_ends(stranger)
    assert_nothing_complains(stranger)
    admin = signed_in(stranger, f"http://127.0.0.1:{port}/admin/")
    assert_a_run_is_cancelled_after_a_question(stranger, admin)
    assert_pages_have_their_style_sheet(admin)
    stranger.stop()
    assert stranger.services[0].returncode == 0


def follow_the_page(stranger: Stranger) -> int:
    """Do all that the page says. Return the web server's port: the page's own may be taken here."""
    said, port = "", 0
    for step in steps(PAGE):
        if isinstance(step, Addition):
            stranger.append(step.file, step.text)
        elif any(word in step.text for word in STAYS_OPEN):
            *before, last = step.text.strip().splitlines()
            stranger.type("\n".join(before))
            if "runserver" in last:
                port = free_port()  # only now: others may take one that stands unused for long
            stranger.leave_running(last.replace("runserver", f"runserver --noreload {port}"))
        else:
            said += stranger.type(step.text)
    assert "Ran 2 tests" in said
    assert "OK\nDestroying test database" in said
    return port


def assert_the_run_of_the_page_ends(stranger: Stranger) -> None:
    found = "SELECT output FROM workflows_run WHERE key = 'ann' AND state = 'completed'"
    stranger.wait_for(lambda: stranger.rows("shop", found), "the run")
    assert stranger.rows("shop", found) == [("Hello, Ann: hi",)]


def assert_nothing_complains(stranger: Stranger) -> None:
    said = stranger.type("python -W error manage.py check --database default")
    assert said == "System check identified no issues (0 silenced).\n"
    assert re.findall(COMPLAINT, stranger.words(), re.M) == []


def signed_in(stranger: Stranger, url: str) -> "Admin":
    """Return the page's administrator."""
    admin = Admin(url)
    stranger.wait_for(admin.answers, "the web server")
    welcome = admin.post("login/?next=/admin/", username="admin", password="change-me")
    assert "Workflows" in welcome
    return admin


def assert_a_run_is_cancelled_after_a_question(stranger: Stranger, admin: "Admin") -> None:
    start = "from workflows.api import start; start('orders.welcome', key='bob', name='Bob')"
    stranger.type(f'python manage.py shell -c "{start}"')
    [(run,)] = stranger.rows("shop", "SELECT id::text FROM workflows_run WHERE key = 'bob'")

    asked = admin.post("workflows/run/", action="cancel", _selected_action=run)
    assert "Cancel these runs?" in asked
    assert run in asked
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', asked))
    assert "Cancel: 1 done." in admin.post("workflows/run/", **fields)

    state = f"SELECT state FROM workflows_run WHERE id = '{run}'"
    stranger.wait_for(lambda: stranger.rows("shop", state) == [("cancelled",)], "its end")


def assert_pages_have_their_style_sheet(admin: "Admin") -> None:
    sheets = re.findall(r'<link[^>]+href="([^"]+\.css)"', admin.get("workflows/run/"))
    assert [sheet for sheet in sheets if "/workflows/" in sheet], sheets
    for sheet in sheets:
        admin.get(sheet)


class Admin:
    """A browser in the stranger's admin."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def answers(self) -> bool:
        """Whether the web server is up."""
        try:
            return bool(self.get("login/"))
        except requests.ConnectionError:
            return False

    def get(self, path: str) -> str:
        """Return a page."""
        answer = self._session.get(urljoin(self._url, path), timeout=30)
        assert answer.ok, f"{path}: {answer.status_code}"
        return answer.text

    def post(self, path: str, **fields: str) -> str:
        """Send a form and return the page that comes."""
        fields["csrfmiddlewaretoken"] = self._session.cookies["csrftoken"]
        answer = self._session.post(urljoin(self._url, path), data=fields, timeout=30)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        return answer.text
