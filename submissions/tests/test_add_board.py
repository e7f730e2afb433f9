"""A board by command."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from submissions.models import Board
from submissions.tests.builders import moderator

pytestmark = pytest.mark.django_db


def test_the_first_board_is_on_the_first_page() -> None:
    said = StringIO()

    call_command("add_board", "Launch week", "--slots", "6", stdout=said)

    assert "/boards/launch-week/" in said.getvalue()
    assert "Launch week" in Client().get("/").content.decode()


def test_a_board_may_need_a_moderator_and_have_an_address_of_its_own() -> None:
    call_command("add_board", "Launch", "--slug", "spring", "--needs-moderator", stdout=StringIO())

    assert Board.objects.get(slug="spring").needs_moderator


@pytest.mark.parametrize("wrong", [["Launch", "--slots", "0"], ["???"], ["Launch"]])
def test_a_board_that_cannot_be_is_refused_in_words(wrong: list[str]) -> None:
    Board.objects.create(name="Launch", slug="launch")

    with pytest.raises(CommandError, match=r"^(slug|slots): "):
        call_command("add_board", *wrong)


def test_the_first_board_may_be_made_in_the_admin() -> None:
    client = Client()
    client.force_login(moderator())
    empty = client.get("/admin/submissions/board/add/").context["adminform"].form

    values = {field.html_name: field.value() for field in empty}
    shown = {
        name: value for name, value in values.items() if value is not None and value is not False
    }
    client.post("/admin/submissions/board/add/", shown | {"name": "Launch", "slug": "launch"})

    assert "Launch" in client.get("/").content.decode()
