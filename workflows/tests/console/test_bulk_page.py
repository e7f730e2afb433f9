"""Something done to many runs: counted exactly, asked, done in batches, and told."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from workflows import api
from workflows.api import HistoryKind, RunState
from workflows.console import bulk_page
from workflows.models import Run

pytestmark = pytest.mark.django_db
ASK, WORK = "/operations/bulk/", "/operations/bulk/work/"


def made(state: str = "waiting", **more: Any) -> Run:
    return Run.objects.create(**{"workflow": "tests.made", "version": 1, "state": state, **more})


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_run", "change_run"]))
    client.force_login(user)
    return client


def fields(page: str) -> dict[str, Any]:
    """Return the hidden fields of the form on a page."""
    found: dict[str, Any] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page):
        found.setdefault(name, []).append(value.replace("&quot;", '"'))
    return found


def asked(operator: Client, **given: Any) -> str:
    answer = operator.post(ASK, {"verb": "cancel", **given})
    assert answer.status_code == 200, answer
    return answer.content.decode()


def states() -> dict[Any, str]:
    return dict(Run.objects.values_list("pk", "state"))


def test_the_question_has_the_exact_count_and_changes_nothing(operator: Client) -> None:
    for _ in range(3):
        made(owner="ann")
    made(owner="bob")

    page = asked(operator, all="yes", owner="ann")

    assert "Cancel 3 runs?" in page
    assert set(states().values()) == {"waiting"}


def test_all_that_match_are_done_in_ones_name(operator: Client) -> None:
    hit, other = made(owner="ann", tags=["a", "b"]), made(owner="bob")
    form = fields(asked(operator, all="yes", owner="ann", tags="a", state=["waiting", "paused"]))

    page = operator.post(WORK, {**form, "reason": "over"}).content.decode()

    assert "Cancel: 1 done" in page
    assert states() == {hit.pk: "cancelled", other.pk: "waiting"}
    told = next(
        line for line in api.get_history(hit.pk) if line.kind == HistoryKind.CANCEL_REQUESTED
    )
    assert told.data == {"by": "ann", "reason": "over", "via": "console"}


def test_only_the_chosen_are_hit(operator: Client) -> None:
    chosen, other = made(), made()
    form = fields(asked(operator, run=[str(chosen.pk)]))

    operator.post(WORK, form)

    assert states() == {chosen.pk: "cancelled", other.pk: "waiting"}


def test_an_old_page_hits_neither_newer_runs_nor_those_that_moved_on(operator: Client) -> None:
    hit, moved = made(), made()
    form = fields(asked(operator, all="yes", state="waiting"))
    api.pause(moved.pk)
    newer = made()

    page = operator.post(WORK, form).content.decode()

    assert states() == {hit.pk: "cancelled", moved.pk: "paused", newer.pk: "waiting"}
    assert "<dt>Had moved on</dt><dd>1</dd>" in page


def test_a_selection_that_has_moved_out_of_the_filter_is_left(operator: Client) -> None:
    run = made()
    form = fields(asked(operator, run=[str(run.pk)], state="waiting"))
    api.pause(run.pk)

    operator.post(WORK, form)

    assert states() == {run.pk: "paused"}


def test_work_goes_on_where_it_stopped(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_page, "BATCH", 2)
    monkeypatch.setattr(bulk_page, "SECONDS_PER_REQUEST", 0.0)
    for _ in range(5):
        made()
    page = asked(operator, all="yes", state="waiting")
    seen = []

    for _ in range(3):
        page = operator.post(WORK, fields(page)).content.decode()
        seen.append(list(states().values()).count("cancelled"))

    assert seen == [2, 4, 5]
    assert "Cancel: 5 done" in page


def test_those_that_are_refused_are_told_with_the_reason(operator: Client) -> None:
    made("completed")
    form = fields(asked(operator, all="yes", verb="cancel", workflow="tests.made"))

    page = operator.post(WORK, form).content.decode()

    assert "<dt>Left as they were</dt><dd>1</dd>" in page


def test_nothing_chosen_is_told_on_the_page_one_came_from(operator: Client) -> None:
    made()

    answer = operator.post(ASK, {"verb": "cancel", "next": "/operations/?owner=x"}, follow=True)

    assert answer.redirect_chain == [("/operations/?owner=x", 302)]
    assert "nothing was changed" in answer.content.decode()


@pytest.mark.parametrize(
    "given",
    [
        {"verb": "cancel", "all": "yes", "version": "x"},
        {"verb": "cancel", "run": ["not-an-id"]},
    ],
)
def test_what_cannot_be_read_changes_nothing(operator: Client, given: dict[str, Any]) -> None:
    made()

    assert operator.post(ASK, given).status_code == 302
    assert set(states().values()) == {"waiting"}


@pytest.mark.parametrize("progress", ["", "forged:1:2"])
def test_progress_that_is_not_ours_is_refused(operator: Client, progress: str) -> None:
    made()

    answer = operator.post(WORK, {"verb": "cancel", "state": "waiting", "progress": progress})

    assert answer.status_code == 404
    assert set(states().values()) == {"waiting"}


@pytest.mark.parametrize("verb", ["fork", "event", "retry_now", ""])
def test_other_verbs_are_for_one_run_only(operator: Client, verb: str) -> None:
    assert operator.post(ASK, {"verb": verb, "all": "yes"}).status_code == 404


def test_who_may_only_look_does_nothing(client: Client) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_run"))
    client.force_login(user)
    made()

    assert client.post(ASK, {"verb": "cancel", "all": "yes"}).status_code == 404
    assert client.post(WORK, {"verb": "cancel", "all": "yes"}).status_code == 404
    assert b'id="bulk"' not in client.get("/operations/").content
    assert RunState.CANCELLED not in states().values()
