"""docs/testing-workflows.md: pytest runs its file as it is printed, in a fresh project."""

import re

import pytest

from workflows.tests.package.page import Addition, steps
from workflows.tests.package.stranger import Stranger

pytestmark = pytest.mark.cluster

SETTINGS = """
INSTALLED_APPS += ["workflows", "django_q"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "testing"}}
"""


def test_the_pages_file_passes_under_pytest_as_printed(stranger: Stranger) -> None:
    stranger.enter("testing-workflows")
    stranger.type('pip install "django-durable-workflows[binary]"')
    stranger.type("django-admin startproject shop .")
    stranger.append("shop/settings.py", SETTINGS)
    printed = [step for step in steps("testing-workflows.md") if isinstance(step, Addition)]
    for step in printed:
        stranger.append(step.file, step.text)

    said = stranger.type("python -m pytest -q --ds=shop.settings")

    tests = re.findall(r"^def (test_\w+)", "".join(step.text for step in printed), re.M)
    assert {step.file for step in printed} == {"test_orders.py", "conftest.py"}
    assert f"{len(tests)} passed" in said
    assert "crash_everywhere: 1 scenarios" in said
