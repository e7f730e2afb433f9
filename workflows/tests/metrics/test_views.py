"""Who may read the metrics, and what a project adds."""

from collections.abc import Iterator

import pytest
from django.test import RequestFactory, override_settings
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workflows.metrics.views import metrics

pytestmark = pytest.mark.django_db
TOKEN = {"metrics_token": "s3cret"}


def status(
    authorization: str | None = None, address: str = "192.0.2.7", method: str = "GET"
) -> int:
    """Return what a request is answered."""
    headers = {} if authorization is None else {"Authorization": authorization}
    request = RequestFactory().generic(method, "/metrics", headers=headers, REMOTE_ADDR=address)
    return metrics(request).status_code


def test_without_a_setting_nobody_may() -> None:
    assert status() == 403
    assert status("Bearer ") == 403
    assert status("Bearer s3cret") == 403


@override_settings(WORKFLOWS=TOKEN)
def test_who_has_the_token_may() -> None:
    assert status("Bearer s3cret") == 200
    assert status("bearer s3cret") == 200
    assert status("Bearer s3cret", method="POST") == 405
    for wrong in (None, "Bearer", "Bearer other", "Basic s3cret", "s3cret", "Bearer s3crét"):
        assert status(wrong) == 403


@override_settings(WORKFLOWS={"metrics_addresses": ["192.0.2.0/24", "2001:db8::1"]})
def test_who_comes_from_an_allowed_address_may() -> None:
    assert [status(address=each) for each in ("192.0.2.7", "2001:db8::1")] == [200, 200]
    assert [status(address=each) for each in ("198.51.100.1", "2001:db8::2", "", "unix:")] == [
        403
    ] * 4


class _Project(Collector):
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("shop_orders", "Orders.", value=7)


@override_settings(WORKFLOWS=TOKEN)
def test_a_project_adds_a_collector() -> None:
    request = RequestFactory().get("/metrics", headers={"Authorization": "Bearer s3cret"})

    answer = metrics(request, collectors=[_Project()])

    assert "shop_orders 7.0" in answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "no-store" in answer.headers["Cache-Control"]
