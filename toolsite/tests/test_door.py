"""The door: health checks by address, unknown hosts, TRACE; with every page's security headers."""

import logging
from unittest.mock import patch

import pytest
from django.http import HttpResponseBase
from django.test import Client, override_settings

from toolsite import health

PAGES = ["/", "/healthz", "/readyz", "/static/css/base.css", "/admin/", "/accounts/login/", "/no"]


def assert_headers(answer: HttpResponseBase) -> None:
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "tools.example.net", "[::1]:80", "_", "a b"])
@pytest.mark.parametrize("is_https", [True, False])
def test_a_load_balancer_may_ask_by_address(client: Client, host: str, is_https: bool) -> None:
    with (
        override_settings(SECURE_SSL_REDIRECT=is_https, SECURE_HSTS_SECONDS=60),
        patch.object(health, "why_not_ready", return_value=""),
    ):
        answers = [client.get(path, headers={"Host": host}) for path in ("/healthz", "/readyz")]

    for answer in answers:
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert_headers(answer)


@pytest.mark.parametrize("is_https", [True, False])
@pytest.mark.parametrize("path", ["/", "/tools/", "/static/css/base.css"])
def test_an_unknown_host_is_a_400_and_one_quiet_line(
    client: Client, path: str, is_https: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(SECURE_SSL_REDIRECT=is_https), caplog.at_level(logging.DEBUG):
        answer = client.get(path, headers={"Host": "evil.example.com"})

    assert answer.status_code == 400
    assert b"We could not read that request" in answer.content
    assert_headers(answer)
    told = [record for record in caplog.records if "evil" in record.getMessage()]
    assert [(record.levelname, record.exc_info) for record in told] == [("INFO", None)]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("path", PAGES)
def test_trace_is_refused_everywhere(client: Client, path: str) -> None:
    answer = client.trace(path, headers={"Cookie": "sessionid=secret"})

    assert answer.status_code == 405
    assert "TRACE" not in answer["Allow"]
    assert b"secret" not in answer.content
    assert_headers(answer)


@pytest.mark.django_db
def test_who_asks_for_the_site_by_its_name_comes_in(client: Client) -> None:
    assert client.get("/tools/").status_code == 200
