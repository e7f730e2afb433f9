"""Confirm, then act: what is shown is what is done, and what could not be done is told with its reason."""

import re
from dataclasses import replace
from html import unescape
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from workflows.api import Context, RunState, cancel, get_run, list_runs, start, workflow
from workflows.models import Run
from workflows.run_actions import CANCEL, deed
from workflows.ui.confirm import MOST_AT_ONCE

pytestmark = pytest.mark.django_db
LIST = reverse("admin:workflows_run_changelist")


@workflow("tests.confirm_waits")
def waits(run: Context) -> None:
    run.wait_event("never")


@pytest.fixture
def alice(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("alice"))
    return client


def post(client: Client, *runs: Any, address: str = LIST, **more: str) -> str:
    chosen = [str(run.id) for run in runs]
    posted = {"action": "cancel", "_selected_action": chosen, **more}
    return client.post(address, posted, follow=True).content.decode()


def selected_on(page: str) -> set[str]:
    return set(re.findall(r'name="_selected_action" value="([^"]+)"', page))


def test_the_question_posts_exactly_the_runs_that_it_shows(alice: Client) -> None:
    chosen = [start(waits), start(waits)]
    start(waits)

    page = post(alice, *chosen)

    assert selected_on(page) == {str(run.id) for run in chosen}
    assert 'name="select_across"' not in page


def test_all_pages_selected_become_the_runs_that_are_shown(alice: Client) -> None:
    runs = [start(waits), start(waits)]

    page = post(alice, runs[0], select_across="1")

    assert selected_on(page) == {str(run.id) for run in runs}


def test_more_than_can_be_answered_for_are_refused_and_nothing_is_done(alice: Client) -> None:
    many = [Run(workflow="tests.confirm_waits", version=1) for _ in range(MOST_AT_ONCE + 1)]
    Run.objects.bulk_create(many)

    page = post(alice, many[0], select_across="1", confirmed="yes")

    assert f"Choose at most {MOST_AT_ONCE} runs at once; nothing was changed." in page
    assert {run.state for run in list_runs(limit=200)} == {RunState.PENDING}


def test_what_could_not_be_done_is_counted_by_its_reason_and_the_rest_is_done(
    alice: Client,
) -> None:
    over, open_one = [start(waits), start(waits)], start(waits)
    for run in over:
        cancel(run.id)

    page = post(alice, *over, open_one, confirmed="yes")

    assert "Cancel: 1 done." in page
    assert "Cancel: 2 left as they were: cancelled is no state for it." in page
    assert get_run(open_one.id).state == RunState.CANCELLED


def test_the_way_back_keeps_the_filters_of_the_list(alice: Client) -> None:
    address = f"{LIST}?state=pending"

    page = post(alice, start(waits), address=address)

    assert page.count(f'href="{address}"') == 2


def test_the_page_has_its_styles_and_nothing_inline(alice: Client) -> None:
    page = post(alice, start(waits))

    assert 'href="/static/workflows/ui.css"' in page
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("no_id", ["x", "", "1"])
@pytest.mark.parametrize("address", [LIST, reverse("admin:submissions_submission_changelist")])
def test_what_can_be_no_id_is_refused_with_a_sentence(
    alice: Client, address: str, no_id: str
) -> None:
    action = "cancel" if address == LIST else "approve"
    posted = {"action": action, "_selected_action": no_id, "confirmed": "yes"}

    page = alice.post(address, posted, follow=True).content.decode()

    assert "What was chosen is not in this list; nothing was changed." in page


@pytest.mark.parametrize("more", [{}, {"confirmed": "yes"}])
def test_where_nothing_of_the_chosen_is_left_that_is_said(
    alice: Client, more: dict[str, str]
) -> None:
    page = post(alice, Run(), **more)

    assert "None of the chosen runs is there any more; nothing was changed." in page


def test_what_went_while_the_question_stood_is_told_and_the_rest_is_done(alice: Client) -> None:
    run = start(waits)

    page = post(alice, run, Run(), confirmed="yes")

    assert "Cancel: 1 done." in page
    assert "Cancel: 1 left as they were: no longer there." in page


@pytest.mark.parametrize("fault", [ZeroDivisionError("a slip"), None], ids=["ours", "SQL"])
def test_an_unforeseen_error_in_the_middle_tells_what_was_done_and_what_not(
    alice: Client, fault: Exception | None
) -> None:
    runs = [start(waits) for _ in range(4)]
    done: list[Any] = []

    def fail_at_the_third(run_id: Any, **more: Any) -> bool:
        done.append(run_id)
        if len(done) == 3:
            if fault is None:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT nonsense")
            else:
                raise fault
        return cancel(run_id, **more)

    broken = replace(CANCEL, do=deed("Cancel", fail_at_the_third, {}).do)
    with mock.patch("workflows.run_actions.CANCEL", broken):
        page = unescape(post(alice, *runs, confirmed="yes"))

    assert "Cancel: 2 done." in page
    assert f"Cancel: stopped at tests.confirm_waits {done[2]} (pending): " in page
    assert ("ZeroDivisionError: a slip. Not tried: 1." if fault else "nonsense") in page
    states = {run.id: get_run(run.id).state for run in runs}
    assert [states[run_id] for run_id in done] == ["cancelled", "cancelled", "pending"]
