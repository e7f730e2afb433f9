"""Schedules in the admin: made, changed and steered with a confirmation, through the api."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import TestCase
from django.urls import reverse

from workflows.api import get_schedule, list_schedules, pause_schedule
from workflows.models import Run
from workflows.models import Schedule as Row
from workflows.tests.encrypted import NEW, SECRET, keys
from workflows.tests.flows import greet_once
from workflows.tests.schedules import HOUR, made

LIST = reverse("admin:workflows_schedule_changelist")
ADD = reverse("admin:workflows_schedule_add")
FILLED = {
    "name": "report", "workflow": "tests.wait", "input": "{}", "cron": "0 3 * * *",
    "zone": "Europe/Brussels", "every_seconds": "", "at_0": "", "at_1": "", "overlap": "skip",
    "catch_up_seconds": "3600", "jitter_seconds": "0",
}  # fmt: skip


class ScheduleAdminTests(TestCase):
    def setUp(self) -> None:
        self.alice = User.objects.create_superuser("alice")
        self.client.force_login(self.alice)

    def act(self, action: str, **more: str) -> str:
        posted = {"action": action, "_selected_action": str(Row.objects.get().pk), **more}
        return self.client.post(LIST, posted, follow=True).content.decode()

    def page_of(self, name: str) -> str:
        return reverse("admin:workflows_schedule_change", args=[Row.objects.get(name=name).pk])

    def post(self, address: str, **changed: Any) -> str:
        return self.client.post(address, {**FILLED, **changed}, follow=True).content.decode()

    def test_a_schedule_is_made_with_its_first_tick(self) -> None:
        self.post(ADD)

        [made] = list_schedules()
        self.assertEqual((made.name, made.rules.timing.zone), ("report", "Europe/Brussels"))
        self.assertIsNotNone(made.next_tick)

    def test_what_cannot_be_is_refused_in_the_words_of_the_api(self) -> None:
        for changed, words in [
            ({"cron": "0 25 * * *"}, "bad hour"),
            ({"zone": "Europe/Bruxelles"}, "there is no time zone"),
            ({"every_seconds": "60"}, "a schedule needs one of"),
            ({"workflow": "tests.wiat"}, "did you mean"),
            ({"input": '{"more": 1}'}, "got an unexpected keyword argument"),
            ({"catch_up_seconds": "1"}, "catch_up_seconds is 1.0"),
        ]:
            with self.subTest(changed):
                self.assertIn(words, self.post(ADD, **changed))
        self.assertEqual(list_schedules(), [])

    def test_a_change_keeps_the_name_and_begins_anew_with_another_timing(self) -> None:
        made(cron="0 5 * * *")

        self.post(self.page_of("report"), name="other")

        self.assertEqual(get_schedule("report").rules.timing.cron, "0 3 * * *")

    def test_the_page_shows_the_next_ten_times(self) -> None:
        made(cron="0 3 * * *", zone="America/New_York")

        page = self.client.get(self.page_of("report")).content.decode()

        self.assertEqual(page.count("03:00:00.000"), 10)

    def test_what_the_code_declares_keeps_its_workflow_and_is_not_deleted(self) -> None:
        made(jitter_seconds=5)
        Row.objects.update(declared={})

        self.post(self.page_of("report"), workflow="tests.greet", jitter_seconds="7")
        answer = self.client.post(f"{self.page_of('report')}".replace("change", "delete"))

        rules = get_schedule("report").rules
        self.assertEqual((rules.workflow, rules.jitter_seconds), ("tests.wait", 7))
        self.assertEqual(answer.status_code, 403)

    def test_a_row_is_deleted_on_its_page(self) -> None:
        made()

        self.client.post(self.page_of("report").replace("change", "delete"), {"post": "yes"})

        self.assertEqual(list_schedules(), [])

    def test_a_pause_asks_first_and_keeps_the_note_and_the_name(self) -> None:
        made()

        asked = self.act("pause")
        before = get_schedule("report").paused_at
        self.act("pause", confirmed="yes", reason="no paper")

        after = get_schedule("report")
        self.assertIn("Pause these schedules?", asked)
        self.assertIsNone(before)
        self.assertEqual((after.paused_by, after.pause_note), ("alice", "no paper"))
        self.assertIn("paused by alice", self.client.get(LIST).content.decode())

    def test_a_resume_is_for_what_is_paused(self) -> None:
        made()

        refused = self.act("resume")
        pause_schedule("report")
        self.act("resume", confirmed="yes")

        self.assertIn("it is not paused.", refused)
        self.assertFalse(get_schedule("report").rests)

    def test_a_trigger_starts_a_run(self) -> None:
        made()

        page = self.act("trigger", confirmed="yes", reason="now")

        self.assertIn(f"Run {Run.objects.get().pk} has begun.", page)

    def test_a_backfill_asks_for_its_range_and_says_how_many(self) -> None:
        made(overlap="allow", every_seconds=HOUR)
        end = get_schedule("report").done_until
        start = end - timedelta(hours=3)

        asked = self.act("backfill")
        page = self.act(
            "backfill",
            confirmed="yes",
            start=f"{start:%Y-%m-%d %H:%M:%S}",
            end=f"{end:%Y-%m-%d %H:%M:%S}",
        )
        refused = self.act(
            "backfill", confirmed="yes", start="2001-01-01 00:00", end=f"{end:%Y-%m-%d %H:%M:%S}"
        )

        self.assertIn("The last moment, included", asked)
        self.assertIn("3 ticks are made good.", page)
        self.assertIn("more than 1,000 ticks", refused)
        self.assertEqual(Run.objects.count(), 3)

    def test_who_may_only_look_is_offered_no_action(self) -> None:
        made()
        bob = User.objects.create_user("bob", is_staff=True)
        bob.user_permissions.add(
            Permission.objects.get(codename="view_schedule", content_type__app_label="workflows")
        )
        self.client.force_login(bob)

        page = self.client.get(LIST).content.decode()

        self.assertIn("tests.wait", page)
        self.assertNotIn('<option value="trigger">', page)

    def test_an_encrypted_input_is_not_shown_and_survives_a_change_of_the_rest(self) -> None:
        with keys(NEW):
            made(workflow=greet_once, input={"name": SECRET}, cron="0 5 * * *")
            address = self.page_of("report")
            page = self.client.get(address).content.decode()
            shown = '{"encrypted": "2026-11"}'
            asked = {"workflow": "tests.greet", "cron": "0 6 * * *", "input": shown}
            self.post(address, **asked)

            now = get_schedule("report").rules
            self.assertNotIn(SECRET, page)
            self.assertIn("2026-11", page)
            self.assertEqual((now.input, now.timing.cron), ({"name": SECRET}, "0 6 * * *"))
            self.post(address, **{**asked, "input": '{"name": "Ann"}'})
            self.assertEqual(get_schedule("report").rules.input, {"name": "Ann"})
