"""The list of runs: who sees it, what a filter in the address finds, and how one turns its pages."""

from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from workflows.api import RunState, start
from workflows.console import kept_counts, runs_page
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.flows import greet_three, wait_for_go

pytestmark = pytest.mark.django_db
NOBODY = "01a20000-0000-7000-8000-000000000000"
LIST = "/operations/"


@pytest.fixture(autouse=True)
def no_counts() -> None:
    kept_counts.forget()


def made(state: str = "failed", **more: Any) -> Run:
    return Run.objects.create(**{"workflow": "tests.made", "version": 1, "state": state, **more})


def staff(*names: str, is_staff: bool = True) -> Client:
    user = User.objects.create_user(f"somebody-{uuid4()}", is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


def page(address: str = LIST, client: Client | None = None, *, live: bool = False) -> str:
    headers = {"HX-Request": "true"} if live else {}
    answer = (client or staff("view_run")).get(address, headers=headers)
    assert answer.status_code == 200, answer
    return answer.content.decode()


@pytest.mark.parametrize("address", [LIST, f"{LIST}look/"])
def test_nobody_else_finds_it(address: str, client: Client) -> None:
    others = [client, staff("view_run", is_staff=False), staff("change_run"), staff()]

    for other in others:
        answer = other.post(address) if "look" in address else other.get(address)
        assert answer.status_code == 404


def test_a_run_is_shown_with_where_it_is() -> None:
    start(greet_three)
    waiting = start(wait_for_go, key="<i>key</i>")
    drive_until_idle()

    shown = page()

    assert "3 of 3 steps done" in shown
    assert f'href="{waiting.id}/"' in shown
    assert "go" in shown
    assert "&lt;i&gt;key&lt;/i&gt;" in shown


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("state=blocked", "state", "blocked"),
        ("workflow=tests.other", "workflow", "tests.other"),
        ("version=7", "version", 7),
        ("key=order-7", "key", "order-7"),
        ("error=noSUCHhost", "error", {"type": "DockError", "message": "nosuchhost"}),
        ("error_kind=transient", "error", {"type": "E", "message": "", "kind": "transient"}),
        ("owner=ann", "owner", "ann"),
        ("tenant=acme", "tenant", "acme"),
        ("tags=late,big", "tags", ["big", "late", "odd"]),
        ("subject=shop.order:7", "subject", "shop.order:7"),
        ("attributes=city%3DBern", "attributes", {"city": "Bern"}),
        ("attributes=%7B%22floor%22: 3%7D", "attributes", {"floor": 3}),
    ],
)
def test_a_filter_in_the_address_finds_its_runs(query: str, field: str, value: Any) -> None:
    wanted, other = made(**{field: value}), made()

    shown = page(f"{LIST}?{query}")

    assert str(wanted.pk) in shown
    assert str(other.pk) not in shown


def test_times_are_read_and_shown_in_the_persons_zone() -> None:
    client = staff("view_run")
    client.cookies["workflows_zone"] = "Asia/Tokyo"
    noon = timezone.now().astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    noon -= timedelta(days=2)
    early, late = made(created_at=noon), made(created_at=noon + timedelta(hours=2))

    shown = page(f"{LIST}?created_since={noon:%Y-%m-%d}T22:00", client)

    assert str(late.pk) in shown
    assert str(early.pk) not in shown
    assert "Times: Asia/Tokyo" in shown


def test_a_zone_that_is_none_is_utc() -> None:
    client = staff("view_run")
    client.cookies["workflows_zone"] = "../../etc/passwd"

    assert "Times: UTC" in page(client=client)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("version=x", "Enter a whole number"),
        ("id=7", "Give the ids of runs, whole."),
        ("attributes=x", "has no value"),
        ("attributes={", "no JSON object"),
        ("state=lost", "cannot be read"),
        (f"after={NOBODY}", "begin anew"),
        ("after=x", "give the id of a run"),
    ],
)
def test_what_cannot_be_read_is_told(query: str, told: str) -> None:
    assert told in page(f"{LIST}?{query}")


def test_chips_count_under_the_rest_of_the_filter() -> None:
    for state in ["failed", "failed", "waiting"]:
        made(state, owner="ann")
    made("failed", owner="bob")

    shown = " ".join(page(f"{LIST}?owner=ann&state=waiting").split())

    assert 'Failed <span class="num">2</span>' in shown
    assert 'Waiting <span class="num">1</span>' in shown
    assert 'All <span class="num">3</span>' in shown
    assert escape("?state=failed&owner=ann") in shown


def test_pages_follow_one_another_without_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_page, "ROWS", 2)
    runs = [made() for _ in range(5)]
    client, address, seen = staff("view_run"), f"{LIST}?state=failed", []

    while address:
        shown = client.get(address)
        seen.append({row.run.id for row in shown.context["rows"]})
        address = shown.context["more"] and f"{LIST}{shown.context['more']}"

    assert [len(each) for each in seen] == [2, 2, 1]
    assert set.union(*seen) == {run.pk for run in runs}


def test_the_search_finds_by_id_then_key_then_error() -> None:
    run, client = made(key="order-7"), staff("view_run")

    def led_to(sought: str) -> str:
        return str(client.get(LIST, {"q": sought, "state": "failed"})["Location"])

    assert led_to(str(run.pk)) == f"{LIST}?state=failed&id={run.pk}"
    assert led_to("order-7") == f"{LIST}?state=failed&key=order-7"
    assert led_to("no boat") == f"{LIST}?state=failed&error=no+boat"


def test_the_live_part_is_the_list_alone() -> None:
    part = page(live=True)

    assert "<html" not in part
    assert 'aria-label="States"' in part


def test_columns_and_theme_are_kept() -> None:
    client, run = staff("view_run"), made(tags=["late-one"])
    assert "late-one" not in page(client=client)

    answer = client.post(
        f"{LIST}look/",
        {"columns": "chosen", "column": ["tags", "workflow"], "next": f"{LIST}?owner=x"},
    )
    assert answer["Location"] == f"{LIST}?owner=x"
    client.post(f"{LIST}look/", {"theme": "dark", "next": "https://elsewhere.example/"})

    shown = page(client=client)
    assert "late-one" in shown
    assert 'data-theme="dark"' in shown
    assert "Next wake</th>" not in shown
    assert str(run.pk) in shown


def test_a_page_costs_the_same_queries_for_many_runs(client: Client) -> None:
    client, costs = staff("view_run"), []
    page(client=client)

    for _ in range(2):
        made()
        kept_counts.forget()
        with CaptureQueriesContext(connection) as made_of:
            page(client=client)
        costs.append(len(made_of))
        for _ in range(20):
            made()

    assert costs[0] == costs[1]


def test_every_state_has_its_chip() -> None:
    assert set(runs_page.CHIPS) == set(RunState)
