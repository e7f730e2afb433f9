"""The database that processes which test at once copy, instead of migrating each its own."""

import os

import psycopg
import pytest

from toolsite.tests.live_site import database_url
from toolsite.tests.template_database import Template


def arrive() -> Template:
    """Be one more process that wants it."""
    server = psycopg.connect(database_url(), autocommit=True)
    return Template(f"test_copied_by_{os.getpid()}", server)


@pytest.mark.django_db  # locks are the database's: those of the real one are of another
def test_it_is_there_for_all_who_come_until_the_last_has_gone() -> None:
    first = arrive()
    first.copy_from("template1")
    first.let_others_in()
    second = arrive()
    second.let_others_in()

    first.close()
    there_for_the_second = second.exists()
    second.close()

    late = arrive()
    assert there_for_the_second
    assert not late.exists()
    late.close()
