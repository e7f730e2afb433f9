"""Runs in the admin: seen with their history, steered with a confirmation, never edited."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models.functions import Now
from django.test import Client, TestCase
from django.urls import reverse

from workflows.admin import RunAdmin
from workflows.api import (
    Context,
    HistoryKind,
    Permanent,
    RunState,
    cancel,
    compensate,
    get_history,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.core.running_steps import HeldRun, StepSeen
from workflows.models import Run, Worker
from workflows.store.queue import Code
from workflows.store.sweep import Told, sweep
from workflows.store.workers import enlist
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim, connected, expire_lease, started_and_claimed
from workflows.tests.flows import ONCE
from workflows.ui.icons import badge

LIST = reverse("admin:workflows_run_changelist")


class DockClosed(Exception):
    """Nobody sails."""


@step(retry=ONCE)
def wake(output: str) -> None:
    raise Permanent("still asleep")


@step(compensate=wake)
def sleep_in() -> str:
    return "zzz"


@step(retry=ONCE)
def sail() -> None:
    raise DockClosed("no boat")


@step
def land() -> None: ...


@workflow("tests.admin_trips")
def trips(run: Context) -> None:
    run.step(sleep_in)
    run.step(sail)
    run.step(land)


@workflow("tests.admin_waits")
def waits(run: Context, note: str) -> None:
    run.wait_event("never")


class RunAdminTests(TestCase):
    def setUp(self) -> None:
        self.alice = User.objects.create_superuser("alice")
        self.client.force_login(self.alice)
        self.waiting = start(waits, note="<script>alert(1)</script>")

    def act(self, action: str, **more: str) -> str:
        posted = {"action": action, "_selected_action": str(self.waiting.id), **more}
        return self.client.post(LIST, posted, follow=True).content.decode()

    def test_an_action_asks_before_it_does_anything(self) -> None:
        page = self.act("cancel")

        self.assertIn("Cancel these runs?", page)
        self.assertEqual(get_run(self.waiting.id).state, RunState.PENDING)

    def test_a_confirmed_cancel_is_recorded_with_the_name_of_who_did_it(self) -> None:
        page = self.act("cancel", confirmed="yes", reason="changed my mind")

        self.assertIn("Cancel: 1 done.", page)
        self.assertEqual(get_run(self.waiting.id).state, RunState.CANCELLED)
        self.assertEqual(
            get_history(self.waiting.id)[0].data,
            {"by": "alice", "reason": "changed my mind", "via": "admin"},
        )

    def test_a_run_in_no_state_for_it_is_left_and_counted(self) -> None:
        page = self.act("retry", confirmed="yes")

        self.assertIn("1 left as they were", page)

    def test_a_retry_of_a_cancelled_run_is_refused_before_the_question_with_what_helps(
        self,
    ) -> None:
        over = start(trips)
        cancel(over.id)
        posted = {"action": "retry", "_selected_action": str(over.id)}

        page = self.client.post(LIST, posted, follow=True).content.decode()

        self.assertNotIn("Retry these runs?", page)
        self.assertIn("1 left as they were: cancelled is final; Compensate undoes its steps", page)
        self.assertIn("start a new run with its input, under another key", page)

    def test_only_those_that_it_may_help_are_asked_about(self) -> None:
        over = start(trips)
        cancel(over.id)
        posted = {
            "action": "retry",
            "_selected_action": [str(over.id), str(self.waiting.id)],
        }

        page = self.client.post(LIST, posted, follow=True).content.decode()

        self.assertIn("Retry these runs?", page)
        self.assertIn(f'value="{self.waiting.id}"', page)
        self.assertNotIn(f'value="{over.id}"', page)

    def test_a_failed_run_is_retried_or_the_page_says_why_not(self) -> None:
        failed, undone = start(trips), start(trips)
        drive_until_idle()
        compensate(undone.id)
        drive_until_idle()
        posted = {
            "action": "retry",
            "_selected_action": [str(failed.id), str(undone.id)],
            "confirmed": "yes",
            "reason": "the bank is back",
        }

        page = self.client.post(LIST, posted, follow=True).content.decode()

        self.assertIn("Retry: 1 done.", page)
        self.assertIn("has begun to undo its steps", page)
        self.assertEqual(get_run(failed.id).state, RunState.PENDING)
        said = {"by": "alice", "reason": "the bank is back", "via": "admin", "positions": [2]}
        self.assertEqual(get_history(failed.id)[-1].data, said)

    def test_the_page_of_a_run_shows_its_values_as_text_and_offers_no_edit(self) -> None:
        address = reverse("admin:workflows_run_change", args=[self.waiting.id])

        page = self.client.get(address).content.decode()

        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", page)
        self.assertNotIn("<script>alert(1)", page)
        self.assertNotIn('name="_save"', page)

    def test_the_history_of_a_run_is_a_table_with_a_row_for_each_line(self) -> None:
        drive_until_idle()
        address = reverse("admin:workflows_run_change", args=[self.waiting.id])

        page = self.client.get(address).content.decode()

        self.assertIn("<td>wait started</td>", page)
        self.assertNotIn("&lt;td&gt;", page)

    def test_the_steps_of_a_run_are_a_table_with_those_it_never_came_to(self) -> None:
        run = start(trips)
        drive_until_idle()
        address = reverse("admin:workflows_run_change", args=[run.id])

        page = self.client.get(address).content.decode()

        self.assertInHTML(badge("completed"), page)
        self.assertInHTML(badge("skipped"), page)
        self.assertIn("DockClosed: no boat (transient)</td>", page)
        self.assertEqual(len(re.findall(r"<td>0\.\d{3} s</td>", page)), 2)

    def test_a_step_under_way_is_shown_with_its_worker_and_a_lost_attempt_is_counted(self) -> None:
        drive_until_idle()
        run = started_and_claimed(trips)
        seen = StepSeen(
            name="sleep_in", position=1, attempt=1, undo=False, age_seconds=60,
            overran=None, host="quay", pid=7,
        )  # fmt: skip
        expire_lease(run.id)
        told = [Told(HeldRun(run.id, run.attempt, (seen,)), None)]
        sweep(connection.connection, max_crashes=1, told=told)

        address = reverse("admin:workflows_run_change", args=[run.id])
        page = self.client.get(address).content.decode()

        self.assertInHTML(badge("waiting"), page)
        self.assertIn("quay, pid 7</td>", page)
        self.assertIn("1 lost</td>", page)
        self.assertIn("because its lease ran out, in step", page)

    def test_a_run_that_a_worker_holds_says_on_which_host_and_pid(self) -> None:
        drive_until_idle()
        worker = Worker.objects.create(started_at=Now(), host="quay", pid=7)
        run = start(trips)
        claim(worker_id=worker.id)
        address = reverse("admin:workflows_run_change", args=[run.id])

        held = self.client.get(address).content.decode()
        Worker.objects.all().delete()
        forgotten = self.client.get(address).content.decode()

        self.assertIn(f"{worker.id}: quay, pid 7", held)
        self.assertIn(f"{worker.id}: forgotten", forgotten)

    def test_a_failed_run_can_be_compensated_with_the_name_of_who_did_it(self) -> None:
        run = start(trips)
        drive_until_idle()
        posted = {"action": "compensate", "_selected_action": str(run.id), "confirmed": "yes"}

        page = self.client.post(LIST, posted, follow=True).content.decode()

        self.assertIn("Compensate: 1 done.", page)
        self.assertEqual(get_run(run.id).state, RunState.COMPENSATING)
        self.assertEqual(get_history(run.id)[-1].data["by"], "alice")

    def test_what_could_not_be_undone_is_among_the_problems(self) -> None:
        run = start(trips)
        drive_until_idle()
        compensate(run.id)
        drive_until_idle()
        address = reverse("admin:workflows_run_change", args=[run.id])

        page = self.client.get(address).content.decode()

        self.assertIn("no boat (transient); not undone: ", page)
        self.assertIn("still asleep", page)

    def test_staff_who_may_only_look_are_offered_no_action(self) -> None:
        bob = User.objects.create_user("bob", is_staff=True)
        bob.user_permissions.add(Permission.objects.get(codename="view_run"))
        self.client.force_login(bob)

        page = self.act("cancel", confirmed="yes")

        self.assertNotIn("Cancel: 1 done.", page)
        self.assertEqual(get_run(self.waiting.id).state, RunState.PENDING)

    def test_runs_are_filtered_by_owner_tag_and_subject(self) -> None:
        found = start.using(owner="ann", tags=["march"], subject="order:7")(waits, note="x")

        for query in (
            "owner=ann",
            "tag=march",
            "subject=order:7",
            "tag=march&state__exact=pending",
        ):
            page = self.client.get(f"{LIST}?{query}").content.decode()
            self.assertIn(str(found.id), page)
            self.assertNotIn(str(self.waiting.id), page)
        page = self.client.get(f"{LIST}?tag=march&state__exact=pending").content.decode()
        self.assertIn('<input type="hidden" name="state__exact" value="pending">', page)
        page = self.client.get(f"{LIST}?owner=nobody").content.decode()
        self.assertNotIn(str(found.id), page)

    def test_a_run_is_forked_with_another_input_by_whoever_is_named(self) -> None:
        run = start(trips)
        drive_until_idle()
        posted = {"action": "fork", "_selected_action": str(run.id), "confirmed": "yes"}

        asked = self.client.post(LIST, {**posted, "confirmed": ""}, follow=True)
        page = self.client.post(
            LIST, {**posted, "at": "2", "reason": "there is a boat"}, follow=True
        ).content.decode()

        self.assertIn("Fork this run?", asked.content.decode())
        [forked] = list_runs(state=RunState.PENDING, workflow=trips)
        self.assertEqual(forked.forked_from, run.id)
        self.assertIn(f"{forked.id}</a> goes on from position 2 of {run.id}", page)
        line = next(each for each in get_history(forked.id) if each.kind == HistoryKind.FORKED)
        self.assertEqual(
            (line.data["by"], line.data["reason"], line.data["via"]),
            ("alice", "there is a boat", "admin"),
        )

    def test_a_fork_that_cannot_be_says_why(self) -> None:
        posted = {
            "action": "fork",
            "_selected_action": str(self.waiting.id),
            "confirmed": "yes",
            "at": "1",
        }
        for wrong, told in (
            ({"at": "7"}, "the run has come to position 0 only"),
            ({"input": '{"nobody": 1}'}, "nobody"),
            ({"input": "[1]"}, "Give an object"),
            ({"input": "{"}, "Enter a valid JSON"),
            ({"_selected_action": [self.waiting.id, start(trips).id]}, "Choose one run to fork"),
        ):
            page = self.client.post(LIST, {**posted, **wrong}, follow=True).content.decode()
            self.assertIn(told, page)
            self.assertEqual(list_runs(workflow=waits), [get_run(self.waiting.id)])

    def test_runs_are_filtered_by_priority(self) -> None:
        Run.objects.filter(pk=self.waiting.id).update(priority=7)

        urgent, usual = (
            self.client.get(LIST, {"priority": each}).content.decode() for each in (7, 0)
        )

        self.assertIn('class="field-priority">7<', urgent)
        self.assertNotIn('class="field-priority">7<', usual)

    def test_a_tenants_runs_are_found_by_its_name(self) -> None:
        Run.objects.filter(pk=self.waiting.id).update(tenant="ann")

        anns, bobs = (
            self.client.get(LIST, {"q": each}).content.decode() for each in ("ann", "bob")
        )

        self.assertIn('class="field-tenant">ann<', anns)
        self.assertNotIn('class="field-tenant">ann<', bobs)

    def test_crashes_are_those_since_the_run_last_made_progress(self) -> None:
        Run.objects.filter(pk=self.waiting.id).update(crashes=4)
        shown = 'class="field-crashes_in_a_row">4<'
        before = self.client.get(LIST).content.decode()

        drive_until_idle()

        self.assertIn(shown, before)
        self.assertNotIn(shown, self.client.get(LIST).content.decode())


def test_every_action_on_runs_asks_for_the_permission_to_steer() -> None:
    asked = {
        action.__name__: getattr(action, "allowed_permissions", []) for action in RunAdmin.actions
    }

    assert asked == {
        name: ["steer"] for name in ("cancel", "retry", "pause", "resume", "compensate", "fork")
    }


@pytest.mark.usefixtures("committed")
def test_the_list_and_the_page_say_what_no_living_worker_has_code_for(admin_client: Client) -> None:
    run = start(waits, note="a new app")
    Run.objects.update(wake_at=Now() - timedelta(minutes=1))

    with connected() as own:
        enlist(own, host="here", pid=1, code=Code(["tests.other"], [1]))
        listed = admin_client.get(LIST).content.decode()
        page = admin_client.get(reverse("admin:workflows_run_change", args=[run.id]))

    said = "no living worker has code for tests.admin_waits version 1; start the clusters again"
    assert f"1 due: {said}" in listed
    assert said in page.content.decode()
