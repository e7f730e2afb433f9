"""Something done to one run: asked first, refused first where it does not fit, told in its history."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from workflows import api
from workflows.api import HistoryKind, RunState
from workflows.console.deeds import OFFERED
from workflows.models import Run
from workflows.run_actions import CANCEL, COMPENSATE, PAUSE, RESUME, RETRY
from workflows.testing import drive_until_idle
from workflows.tests.flows import greet_three, wait_for_go

pytestmark = pytest.mark.django_db


def signed_in(*names: str) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    return signed_in("view_run", "change_run")


def waiting() -> api.RunView:
    run = api.start(wait_for_go)
    drive_until_idle()
    return api.get_run(run.id)


def address(run: api.RunView | Run, verb: str) -> str:
    return f"/operations/{run.pk if isinstance(run, Run) else run.id}/do/{verb}/"


def last(run: api.RunView, kind: HistoryKind) -> dict[str, Any]:
    return next(line.data for line in reversed(api.get_history(run.id)) if line.kind == kind)


@pytest.mark.parametrize("verb", OFFERED)
def test_who_may_only_look_finds_no_actions(verb: str) -> None:
    run, viewer = waiting(), signed_in("view_run")

    assert viewer.get(address(run, verb)).status_code == 404
    assert viewer.post(address(run, verb), {"reason": "x"}).status_code == 404
    assert b"/do/" not in viewer.get(f"/operations/{run.id}/").content
    assert api.get_run(run.id).state == RunState.WAITING


def test_it_asks_before_it_does(operator: Client) -> None:
    run = waiting()

    page = operator.get(address(run, "cancel"))

    assert page.status_code == 200
    assert b"Cancel this run?" in page.content
    assert api.get_run(run.id).state == RunState.WAITING


@pytest.mark.parametrize(
    ("verb", "state", "kind"),
    [
        ("cancel", RunState.CANCELLED, HistoryKind.CANCEL_REQUESTED),
        ("pause", RunState.PAUSED, HistoryKind.PAUSED),
        ("retry", RunState.PENDING, HistoryKind.WOKEN),
    ],
)
def test_what_is_done_is_told_in_the_history(
    operator: Client, verb: str, state: RunState, kind: HistoryKind
) -> None:
    run = waiting()

    answer = operator.post(address(run, verb), {"reason": "the bank called"})

    assert answer["Location"] == f"/operations/{run.id}/"
    assert api.get_run(run.id).state in (state, RunState.WAITING)
    told = last(run, kind)
    assert (told["by"], told["reason"], told["via"]) == ("ann", "the bank called", "console")


@pytest.mark.parametrize("state", sorted(RunState))
@pytest.mark.parametrize(
    ("verb", "deed"),
    [
        ("cancel", CANCEL),
        ("retry", RETRY),
        ("pause", PAUSE),
        ("resume", RESUME),
        ("compensate", COMPENSATE),
    ],
)
def test_it_is_refused_before_it_asks_in_the_admins_words(
    operator: Client, verb: str, deed: Any, state: RunState
) -> None:
    run = Run.objects.create(workflow="tests.made", version=1, state=state)
    refusal = deed.refuse(run)

    page = operator.get(address(run, verb))

    assert page.status_code == (409 if refusal else 200)
    assert page.context["problem"] == refusal
    assert ('name="reason"' in page.content.decode()) is not bool(refusal)
    offered = operator.get(f"/operations/{run.pk}/").content.decode()
    assert (address(run, verb) in offered) is not bool(refusal)


def test_what_has_changed_since_it_asked_is_found_out(operator: Client) -> None:
    run = waiting()
    operator.get(address(run, "cancel"))
    api.cancel(run.id)

    answer = operator.post(address(run, "cancel"), {"reason": ""})

    assert answer.status_code == 409
    assert b"cancelled is final" in answer.content


def test_a_fork_leads_to_the_new_run(operator: Client) -> None:
    run = api.start(greet_three)
    drive_until_idle()
    assert f"{address(run, 'fork')}?at=2" in operator.get(f"/operations/{run.id}/").content.decode()
    assert operator.get(f"{address(run, 'fork')}?at=2").context["form"]["at"].value() == "2"
    assert b"null" not in operator.get(address(run, "fork")).content

    answer = operator.post(address(run, "fork"), {"at": 2, "reason": "once more"})

    (fork,) = Run.objects.filter(forked_from=run.id)
    assert answer["Location"] == f"/operations/{fork.pk}/"
    told = last(api.get_run(fork.pk), HistoryKind.FORKED)
    assert (told["by"], told["reason"], told["via"]) == ("ann", "once more", "console")


def test_a_fork_that_cannot_be_is_refused_in_words(operator: Client) -> None:
    run = api.start(greet_three)
    drive_until_idle()

    answer = operator.post(address(run, "fork"), {"at": 99})

    assert answer.status_code == 409
    assert not Run.objects.filter(forked_from=run.id).exists()


def test_an_event_is_sent_in_ones_own_name(operator: Client) -> None:
    run = waiting()
    assert operator.get(address(run, "event")).context["form"]["name"].value() == "go"

    operator.post(address(run, "event"), {"name": "go", "payload": '{"now": true}'})
    drive_until_idle()

    assert last(run, HistoryKind.EVENT_RECEIVED)["payload"] == {"now": True}
    assert last(run, HistoryKind.EVENT_RECEIVED)["by"] == "ann"


@pytest.mark.parametrize(
    ("name", "payload", "status", "words"),
    [
        ("go", "{", 200, "valid JSON"),
        ("child:x", "", 409, "own"),
        ("", "", 200, "required"),
    ],
)
def test_an_event_that_cannot_be_is_refused_in_words(
    operator: Client, name: str, payload: str, status: int, words: str
) -> None:
    answer = operator.post(address(waiting(), "event"), {"name": name, "payload": payload})

    assert answer.status_code == status
    assert words in answer.content.decode()


@pytest.mark.parametrize("verb", ["delete", "retry_now"])
def test_there_are_no_other_actions(operator: Client, verb: str) -> None:
    assert operator.get(address(waiting(), verb)).status_code == 404
