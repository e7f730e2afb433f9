"""A run's page: why it stands, its steps and history, what belongs to it; secrets stay secret."""

import json
from base64 import b64encode
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.urls import reverse

from workflows import api
from workflows.api import Context, step, workflow
from workflows.encryption import AesGcm
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.flows import ONCE, wait_for_go

pytestmark = pytest.mark.django_db


class DockClosed(Exception):
    """Nobody sails."""


@step(retry=ONCE)
def sail(token: str) -> None:
    raise DockClosed("<b>no boat</b>")


@step
def sign(name: str) -> dict[str, Any]:
    return {"name": name, "token": "s3cret-output"}


@workflow("console.tests.voyage")
def voyage(run: Context, name: str, password: str) -> None:
    run.step(sign, name)
    run.wait_event("tide")
    run.step(sail, password)


@workflow("console.tests.fleet")
def fleet(run: Context) -> None:
    run.start_child(voyage, name="ann", password="s3cret-child").result()


@pytest.fixture
def operator(client: Client) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_run"))
    client.force_login(user)
    return client


def shown(client: Client, run: api.RunView, **headers: str) -> str:
    answer = client.get(f"/operations/{run.id}/", headers=headers)
    assert answer.status_code in (200, 286)
    return answer.content.decode()


def sailed() -> api.RunView:
    run = api.start(voyage, name="ann", password="s3cret-input")
    drive_until_idle()
    api.send_event(run.id, "tide", {"secret": "s3cret-event", "height": [1, 2]}, by="moon")
    drive_until_idle()
    return api.get_run(run.id)


def test_it_says_why_a_run_stands(operator: Client) -> None:
    run = api.start(wait_for_go)
    drive_until_idle()

    page = shown(operator, run)

    assert api.why(run).sentence.partition("'")[0] in page
    assert "Why is it not moving?" in page


def test_history_is_readable_and_secrets_are_masked(operator: Client) -> None:
    page = shown(operator, sailed())

    for part in ["Step failed", "DockClosed", "Traceback", "by moon", "height", "Run failed"]:
        assert part in page
    assert "&lt;b&gt;no boat&lt;/b&gt;" in page
    assert "<b>no boat" not in page
    assert "•••" in page
    assert "s3cret" not in page


@pytest.mark.parametrize("part", ["input", "output", "error", "history"])
def test_a_download_masks_as_well(operator: Client, part: str) -> None:
    run = sailed()

    answer = operator.get(reverse("workflows_console:value", args=[run.id, part]))

    assert "attachment" in answer["Content-Disposition"]
    assert "s3cret" not in answer.content.decode()
    json.loads(answer.content)


def test_a_line_is_handed_out_alone(operator: Client) -> None:
    run = sailed()
    line = api.get_history(run.id)[0]

    answer = operator.get(reverse("workflows_console:line", args=[run.id, line.id]))

    assert answer.json()["kind"] == "step_completed"
    assert answer.json()["data"]["output"] == {"name": "ann", "token": "•••"}
    elsewhere = reverse("workflows_console:line", args=[api.start(wait_for_go).id, line.id])
    assert operator.get(elsewhere).status_code == 404


@override_settings(WORKFLOWS={"masked": ["name"]})
def test_which_names_are_secret_is_a_setting(operator: Client) -> None:
    run = sailed()

    told = operator.get(reverse("workflows_console:value", args=[run.id, "input"])).json()

    assert told == {"name": "•••", "password": "s3cret-input"}


def test_events_that_nobody_has_read_are_shown(operator: Client) -> None:
    run = api.start(wait_for_go)
    api.send_event(run.id, "late_news", {"n": 1}, by="bob")

    page = shown(operator, run)

    assert "late_news" in page
    assert "by bob" in page


def test_parents_and_children_lead_to_each_other(operator: Client) -> None:
    parent = api.start(fleet)
    drive_until_idle()
    (child,) = api.list_runs(parent=parent.id)

    assert reverse("workflows_console:run", args=[child.id]) in shown(operator, parent)
    assert reverse("workflows_console:run", args=[parent.id]) in shown(operator, child)


def test_the_runs_of_a_chain_and_the_origin_of_a_fork_are_told(operator: Client) -> None:
    first = api.start(wait_for_go)
    second = Run.objects.create(workflow="x", version=1, chain_id=first.id, forked_from=uuid4())
    Run.objects.filter(pk=first.id).update(continued_as=second.pk)

    assert str(second.pk) in shown(operator, first)
    page = shown(operator, api.get_run(second.pk))
    assert str(first.id) in page
    assert "no longer there" in page


def test_who_did_what_is_told(operator: Client) -> None:
    run = api.start(wait_for_go)
    api.pause(run.id, by="bob", reason="the bank is closed", via="phone")

    assert "by bob via phone: the bank is closed" in " ".join(shown(operator, run).split())


def test_the_part_that_moves_ends_with_the_run(operator: Client) -> None:
    waiting, over = api.start(wait_for_go), sailed()
    address, headers = "/operations/{}/", {"HX-Request": "true"}

    assert operator.get(address.format(waiting.id), headers=headers).status_code == 200
    part = operator.get(address.format(over.id), headers=headers)
    assert part.status_code == 286
    assert b"<html" not in part.content


def test_a_long_history_has_pages(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.console.run_page.PAGE", 2)
    run = sailed()
    page = operator.get(f"/operations/{run.id}/")

    older = operator.get(f"/operations/{run.id}/?before={page.context['older']}")

    lines = [each.line.id for each in (*page.context["story"], *older.context["story"])]
    assert lines == [line.id for line in reversed(api.get_history(run.id))][:4]


@pytest.mark.parametrize("path", ["", "json/input/", "json/worker_id/", "lines/1/"])
def test_what_is_not_there_is_404(operator: Client, path: str) -> None:
    run = uuid4() if path != "json/worker_id/" else api.start(wait_for_go).id

    assert operator.get(f"/operations/{run}/{path}").status_code == 404


@pytest.mark.parametrize("decrypts", [False, True])
def test_what_is_encrypted_is_shown_only_where_the_setting_says_so(
    operator: Client, decrypts: bool
) -> None:
    codec = AesGcm({"2026-11": b64encode(b"k" * 32).decode()})
    with override_settings(WORKFLOWS={"codec": codec, "admin_decrypts": decrypts}):
        run = api.start(voyage, name="the boat", password="x")
        drive_until_idle()
        api.send_event(run.id, "late_news", "about the boat")

        pages = [shown(operator, run), operator.get("/operations/").content.decode()]
        told = operator.get(reverse("workflows_console:value", args=[run.id, "input"])).json()

    assert ("the boat" in pages[0]) is decrypts
    assert (told.get("name") == "the boat") is decrypts
    assert "about the boat" not in "".join(pages)


def test_a_run_lies_over_the_picture_of_its_workflow(operator: Client) -> None:
    run = api.start(voyage, name="ann", password="s3cret-input")
    drive_until_idle()

    page = shown(operator, run)

    assert 'class="workflow-picture"' in page
    assert f"Run {run.id}: waiting." in page
    assert 'data-state="waiting"' in page[page.index('class="workflow-picture"') :]
    assert "style=" not in page


def test_a_run_without_code_here_has_no_picture(operator: Client) -> None:
    run = api.start(voyage, name="ann", password="s3cret-input")
    Run.objects.filter(pk=run.id).update(workflow="console.tests.gone")

    assert "workflow-picture" not in shown(operator, api.get_run(run.id))
