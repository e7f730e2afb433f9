"""What `/metrics` tells of submissions."""

import pytest
from django.test import Client, override_settings

from submissions.states import Status

pytestmark = pytest.mark.django_db


@override_settings(WORKFLOWS={"metrics_token": "s3cret"})
def test_submissions_are_told_by_state(client: Client) -> None:
    answer = client.get("/metrics", headers={"Authorization": "Bearer s3cret"})

    told = answer.content.decode()
    assert answer.status_code == 200
    for status in Status:
        assert f'toolsite_submissions{{state="{status}"}} 0.0' in told
    assert "workflows_runs_due 0.0" in told


def test_nobody_else_is_told(client: Client) -> None:
    assert client.get("/metrics").status_code == 403
