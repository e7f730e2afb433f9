"""Runs in the admin: seen with their history, steered with a confirmation, never edited."""

from django.contrib.auth.models import Permission, User
from django.test import TestCase
from django.urls import reverse

from workflows.api import Context, RunState, get_history, get_run, start, workflow
from workflows.models import Run
from workflows.testing import drive_until_idle

LIST = reverse("admin:workflows_run_changelist")


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
        page = self.act("cancel", confirmed="yes")

        self.assertIn("Cancel: 1 done.", page)
        self.assertEqual(get_run(self.waiting.id).state, RunState.CANCELLED)
        self.assertEqual(get_history(self.waiting.id)[0].data["by"], "alice")

    def test_a_run_in_no_state_for_it_is_left_and_counted(self) -> None:
        page = self.act("retry_now", confirmed="yes")

        self.assertIn("1 left as they were", page)

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

    def test_staff_who_may_only_look_are_offered_no_action(self) -> None:
        bob = User.objects.create_user("bob", is_staff=True)
        bob.user_permissions.add(Permission.objects.get(codename="view_run"))
        self.client.force_login(bob)

        page = self.act("cancel", confirmed="yes")

        self.assertNotIn("Cancel: 1 done.", page)
        self.assertEqual(get_run(self.waiting.id).state, RunState.PENDING)

    def test_crashes_are_those_since_the_run_last_made_progress(self) -> None:
        Run.objects.filter(pk=self.waiting.id).update(crashes=4)
        shown = 'class="field-crashes_in_a_row">4<'
        before = self.client.get(LIST).content.decode()

        drive_until_idle()

        self.assertIn(shown, before)
        self.assertNotIn(shown, self.client.get(LIST).content.decode())
