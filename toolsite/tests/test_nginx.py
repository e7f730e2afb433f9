"""ops/nginx.conf with a real nginx before a real web server in production mode."""

import http.client
import signal
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from ops.site import HOST
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.live_site import LiveSite
from toolsite.tests.nginx import MISSING, PROGRAM, SITE_NAME, Nginx
from toolsite.tests.raw_http import connected, read_to_the_end

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
PRODUCTION = {
    "TOOLSITE_ALLOWED_HOSTS": f"{SITE_NAME},{HOST}",
    "TOOLSITE_DEBUG": "0",
    "TOOLSITE_PROXIES": "1",
}


@pytest.fixture(scope="module")
def web(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[LiveSite]:
    """Return a web server in production mode, without a cluster, for all of these tests."""
    with django_db_blocker.unblock():
        site = OwnSite("nginx", PRODUCTION)
    try:
        site.prepare()
        site.start_web()
        yield site
    finally:
        with django_db_blocker.unblock():
            site.close()


@pytest.fixture
def nginx(web: LiveSite, tmp_path: Path) -> Iterator[Nginx]:
    """Return nginx before it."""
    before = Nginx(tmp_path, web_port=web.port)
    before.start()
    try:
        wait_until_it_answers(before)
        yield before
    finally:
        before.stop(signal.SIGTERM)


def wait_until_it_answers(nginx: Nginx) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if get(nginx, "/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(nginx.logs())


def get(
    nginx: Nginx, path: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Ask over TLS, as a browser that believes this certificate."""
    trust = ssl.create_default_context(cafile=str(nginx.folder / "fullchain.pem"))
    asked = http.client.HTTPSConnection(SITE_NAME, nginx.https_port, timeout=10, context=trust)
    try:
        asked.request("GET", path, headers=headers or {})
        answer = asked.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, answer.read()
    finally:
        asked.close()


def test_nginx_accepts_the_configuration_without_a_warning(tmp_path: Path) -> None:
    checked = Nginx(tmp_path, web_port=8000).check()

    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


def test_pages_arrive_over_tls_with_secure_cookies(nginx: Nginx) -> None:
    status, headers, page = get(nginx, "/accounts/login/")

    assert (status, b"</html>" in page) == (200, True)
    assert "Secure" in headers["set-cookie"]
    assert headers["strict-transport-security"]


def test_a_style_sheet_arrives_compressed_where_that_is_understood(nginx: Nginx) -> None:
    page = get(nginx, "/accounts/login/")[2].decode()
    sheet = page.split('rel="stylesheet" href="', 1)[1].split('"', 1)[0]

    status, headers, _ = get(nginx, sheet, {"Accept-Encoding": "gzip"})

    assert (status, headers["content-encoding"]) == (200, "gzip")


def test_plain_http_leads_to_https_but_for_the_health_check(nginx: Nginx) -> None:
    asked = http.client.HTTPConnection(HOST, nginx.http_port, timeout=10)
    asked.request("GET", "/accounts/login/", headers={"Host": SITE_NAME})
    led = asked.getresponse()
    led.read()
    asked.request("GET", "/healthz", headers={"Host": SITE_NAME})
    health = asked.getresponse().status
    asked.close()

    assert (led.status, led.headers["Location"]) == (301, f"https://{SITE_NAME}/accounts/login/")
    assert health == 200


def test_a_visitor_cannot_claim_another_address_or_scheme(nginx: Nginx, web: LiveSite) -> None:
    claims = {
        "X-Forwarded-Proto": "http",
        "X_Forwarded_Proto": "http",
        "X-Forwarded-For": "9.9.9.9",
    }

    status, headers, _ = get(nginx, "/accounts/login/", claims)

    assert status == 200  # and no redirect to the scheme it has
    assert "location" not in headers


def test_names_that_are_not_the_sites_get_no_handshake(nginx: Nginx) -> None:
    any_name = ssl.create_default_context()
    any_name.check_hostname = False
    any_name.verify_mode = ssl.CERT_NONE

    with connected(nginx.https_port) as wire, pytest.raises(ssl.SSLError):
        any_name.wrap_socket(wire, server_hostname="other.example.org")


def test_a_body_beyond_the_limit_is_refused(nginx: Nginx) -> None:
    trust = ssl.create_default_context(cafile=str(nginx.folder / "fullchain.pem"))
    with (
        connected(nginx.https_port) as wire,
        trust.wrap_socket(wire, server_hostname=SITE_NAME) as tls,
    ):
        tls.sendall(
            f"POST / HTTP/1.1\r\nHost: {SITE_NAME}\r\nContent-Length: 4000000\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = read_to_the_end(tls)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_too_many_requests_from_one_address_are_told_when_to_come_back(nginx: Nginx) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: get(nginx, "/healthz"), range(300)))

    refused = [headers for status, headers, _ in answers if status == 429]
    assert len(answers) - len(refused) >= 80
    assert {headers["retry-after"] for headers in refused} == {"2"}


def test_a_site_that_is_away_is_a_503_with_a_time(nginx: Nginx, web: LiveSite) -> None:
    web.stop_web()
    try:
        status, headers, page = get(nginx, "/")
    finally:
        web.start_web()

    assert (status, headers["retry-after"]) == (503, "5")
    assert b"being restarted" in page


def test_the_access_log_tells_no_mailed_link(nginx: Nginx) -> None:
    links = ["/accounts/confirm-email/Mg:1xU:6Xb/", "/accounts/password/reset/key/4-diewu4-3dd98/"]
    for link in links:
        get(nginx, link, {"Referer": f"https://{SITE_NAME}{link}"})
    nginx.stop(signal.SIGQUIT)  # what it has answered is written then

    lines = (nginx.folder / "access.log").read_text()

    assert '"GET /accounts/confirm-email/... HTTP/1.1"' in lines
    assert f'"https://{SITE_NAME}/accounts/password/reset/key/..."' in lines
    assert "6Xb" not in lines
    assert "3dd98" not in lines
