"""Rehearsed crashes look at the project's own rows, whatever ids and times they carry."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.db import transaction
from django.utils import timezone

from workflows.api import Context, action, current_step, execute_action, start, step, workflow
from workflows.testing import crash_everywhere, fake
from workflows.testing.rows import Tables
from workflows.tests.testing import stories

pytestmark = pytest.mark.django_db


@step(atomic=True)
def sign_up(name: str) -> int:
    """Insert a row with an id and a time of its own."""
    return User.objects.create(username=name).pk


@workflow("kit.sign_up")
def signing_up(run: Context, group: int) -> list[int]:
    """Hand ids about."""
    run.attributes["group"] = group
    run.set_status(f"group {group}")
    return [run.step(sign_up, name) for name in ("ann", "bob")]


@action("kit_found", atomic=True)
def found(name: str) -> int:
    """Insert a row, exactly once."""
    return Group.objects.create(name=name).pk


@action("kit_call")
def call(name: str) -> str:
    """Call somebody, at most once."""
    stories.done.append(name)
    return name


def test_a_row_written_twice_is_found_although_nobody_observes_it() -> None:
    unlike = fake(
        stories.insert, does=lambda name: User.objects.create(username=unused(name)) and None
    )

    with unlike, pytest.raises(AssertionError) as refused:
        crash_everywhere(lambda: start(stories.inserts))

    told = str(refused.value)
    assert told.startswith("killed after statement 1 (INSERT INTO auth_user, number 1 of these)")
    assert "the rows of auth.User differ" in told
    assert "make it atomic, or name the model in ignore=[…]" in told


def test_the_same_row_twice_is_counted() -> None:
    told = r"there are 1 undisturbed, 2 after the crash among the rows of auth\.Permission: "

    def permit(name: str) -> None:
        codename = f"{Permission.objects.count()}"
        Permission.objects.create(name=name, content_type_id=1, codename=codename)
        Permission.objects.filter(codename=codename).update(codename=uuid4().hex)

    with fake(stories.insert, does=permit), pytest.raises(AssertionError, match=told):
        crash_everywhere(lambda: start(stories.inserts))


def test_rows_that_may_be_written_twice_can_be_left_out() -> None:
    with fake(
        stories.insert, does=lambda name: User.objects.create(username=unused(name)) and None
    ):
        report = crash_everywhere(lambda: start(stories.inserts), ignore=[User])

    assert report.boundaries > 2


def test_ids_and_times_of_new_rows_make_no_difference() -> None:
    def scenario() -> None:
        start(signing_up, group=Group.objects.create(name="new").pk)

    report = crash_everywhere(scenario, pairs=5)

    assert report.boundaries > 10
    assert not User.objects.exists()


def test_a_death_between_a_steps_own_commit_and_its_record_is_tried() -> None:
    user = User.objects.create(username="ann", first_name="A")

    def lengthen(name: str) -> None:
        with transaction.atomic():
            user.refresh_from_db()
            User.objects.filter(pk=user.pk).update(first_name=f"{user.first_name}a")

    with fake(stories.insert, does=lengthen), pytest.raises(AssertionError) as refused:
        crash_everywhere(lambda: start(stories.inserts))

    told = str(refused.value)
    assert told.startswith(
        "killed after statement 2 (commit of UPDATE auth_user, number 1 of these)"
    )
    assert "undisturbed:     {'first_name': 'Aa'}" in told
    assert "after the crash: {'first_name': 'Aaa'}" in told


def test_it_is_compared_whether_a_time_is_there() -> None:
    user = User.objects.create(username="ann")

    def touch(name: str) -> None:
        user.refresh_from_db()
        user.last_login = timezone.now() if user.last_login is None else None
        user.save(update_fields=["last_login"])

    with fake(stories.insert, does=touch), pytest.raises(AssertionError, match="last_login"):
        crash_everywhere(lambda: start(stories.inserts))


def test_a_mail_that_a_crash_loses_is_found() -> None:
    def once(name: str) -> None:
        if Group.objects.get_or_create(name=name)[1]:
            mail.send_mail("Hello", "You are in.", "a@example.org", ["b@example.org"])

    with fake(stories.insert, does=once), pytest.raises(AssertionError, match="the mails differ"):
        crash_everywhere(lambda: start(stories.inserts))


def test_a_mail_may_be_repeated() -> None:
    def tell(name: str) -> None:
        mail.send_mail("Hello", "You are in.", "a@example.org", ["b@example.org"])

    with fake(stories.insert, does=tell):
        report = crash_everywhere(lambda: start(stories.inserts))

    assert report.boundaries > 2


def test_an_action_executed_from_anywhere_is_killed_too() -> None:
    def scenario() -> None:
        assert execute_action("kit_found", key="one", parameters={"name": "one"}) > 0

    report = crash_everywhere(scenario)

    assert report.statements >= 3
    assert not Group.objects.exists()


@pytest.mark.usefixtures("committed")
def test_an_action_that_is_killed_in_the_middle_is_in_doubt() -> None:
    def scenario() -> None:
        execute_action("kit_call", key="one", parameters={"name": "one"})

    with pytest.raises(AssertionError, match="the scenario raised StepFailed"):
        crash_everywhere(scenario)


def test_an_action_executed_inside_a_step_dies_with_the_step() -> None:
    def nested(name: str) -> None:
        assert current_step() is not None
        execute_action("kit_found", key="one", parameters={"name": "one"})

    with fake(stories.insert, does=nested):
        report = crash_everywhere(lambda: start(stories.inserts))

    assert report.boundaries > 5


def test_a_scenario_that_drives_nothing_tries_nothing_and_says_so() -> None:
    with pytest.raises(AssertionError, match="the scenario drives no run; let it start one"):
        crash_everywhere(lambda: None)


def test_a_new_row_is_told_by_what_it_points_to_and_not_by_its_id() -> None:
    permission = Permission.objects.first()
    assert permission is not None
    tables = Tables()
    Group.objects.create(name="lost").delete()
    group = Group.objects.create(name="kept")
    group.permissions.add(permission)

    changes = tables.changes()

    assert changes["auth.Group"] == [{"name": "kept"}]
    link = {"group_id": {"name": "kept"}, "permission_id": permission.pk}
    assert changes["auth.Group_permissions"] == [link]
    assert sum(map(len, changes.values())) == 2


def test_rows_that_were_there_are_told_when_they_change_or_go() -> None:
    changed, gone = Group.objects.create(name="before"), Group.objects.create(name="gone")
    tables, number = Tables(), gone.pk
    Group.objects.filter(pk=changed.pk).update(name="after")
    gone.delete()

    assert tables.changes()["auth.Group"] == [
        {"id": changed.pk, "name": "after"},
        {"gone": (number,)},
    ]


def unused(name: str) -> str:
    """Return a name that no user has yet."""
    return f"{name} {User.objects.count()}"
