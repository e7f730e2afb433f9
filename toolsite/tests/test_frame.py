"""What the frame promises around the apps: admin, cache, cookies, large requests, other tasks."""

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_q.models import OrmQ
from django_q.tasks import async_task

pytestmark = pytest.mark.django_db


def test_no_model_of_django_q_is_in_the_admin() -> None:
    registered = [
        model
        for model in apps.get_app_config("django_q").get_models()
        if admin.site.is_registered(model)
    ]

    assert registered == []


def test_staff_sign_in_where_everybody_does(client: Client) -> None:
    answer = client.get("/admin/login/?next=/admin/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_the_shared_cache_is_a_table_that_migrate_makes() -> None:
    call_command("migrate", "toolsite", "zero", verbosity=0)
    assert "toolsite_cache" not in connection.introspection.table_names()

    call_command("migrate", "toolsite", verbosity=0)

    cache.set("attempts", 3)
    assert cache.get("attempts") == 3


def test_after_five_wrong_passwords_the_right_one_has_to_wait(client: Client) -> None:
    cache.clear()
    User.objects.create_user("alice", "alice@example.com", "the right one")
    wrong = {"login": "alice@example.com", "password": "wrong"}
    for _ in range(5):
        client.post("/accounts/login/", wrong)

    answer = client.post("/accounts/login/", {**wrong, "password": "the right one"})

    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_request_larger_than_any_form_is_refused_politely(client: Client) -> None:
    huge = {"login": "a" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), "password": "x"}

    answer = client.post("/accounts/login/", huge, content_type="application/x-www-form-urlencoded")

    assert answer.status_code < 500


def test_ordinary_tasks_go_to_the_queue_of_their_own_cluster() -> None:
    async_task("math.floor", 1.5, cluster="tasks")

    assert OrmQ.objects.filter(key="tasks").count() == 1


@pytest.mark.django_db
def test_signing_in_is_said_once_with_the_address(client: Client) -> None:
    User.objects.create_user("ana", "ana@example.com", "a-long-password")

    answer = client.post(
        "/accounts/login/", {"login": "ana@example.com", "password": "a-long-password"}, follow=True
    )

    assert answer.content.decode().count("You are signed in as ana@example.com.") == 1
    assert b"Successfully" not in answer.content
