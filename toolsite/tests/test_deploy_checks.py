"""What `check --deploy` says of settings that suit a demo only."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

pytestmark = pytest.mark.django_db

GOOD = {
    "ALLOWED_HOSTS": ["tools.example.org"],
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
}


def said(**settings: Any) -> list[str | None]:
    with override_settings(**(GOOD | settings)):
        found = run_checks(include_deployment_checks=True)
    return [each.id for each in found if each.id in {"toolsite.W003", "toolsite.W004"}]


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({}, []),
        ({"EMAIL_BACKEND": "toolsite.mail_files.EmailBackend"}, ["toolsite.W003"]),
        ({"ALLOWED_HOSTS": ["tools.example.org", "*"]}, ["toolsite.W004"]),
    ],
)
def test_each_is_warned_of(settings: dict[str, Any], ids: list[str]) -> None:
    assert said(**settings) == ids
