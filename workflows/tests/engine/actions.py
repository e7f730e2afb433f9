"""Actions that several files of tests execute."""

from django.contrib.auth.models import Group
from django.db import connection

from workflows.api import action
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere, end_session
from workflows.tests.flows import notes

SEND = "tests_send"
MAKE = "tests_make_group"


def cut() -> None:
    """Cut the connection: the next statement on it finds it gone."""
    pid = connection.connection.info.backend_pid
    elsewhere(lambda: end_session(pid)).result(PATIENCE_SECONDS)


@action(SEND, description="Sends a letter.")
def send_letter(recipient: str, copies: int = 1) -> str:
    notes.note(f"send {recipient}")
    if recipient == "cut":
        cut()
    if recipient == "nobody":
        raise ValueError("no such address")
    return f"{copies} sent to {recipient}"


@action(MAKE, atomic=True)
def make_group(name: str) -> str:
    """Makes a group."""
    if name == "cut":
        cut()
    Group.objects.create(name=name)
    return name
