"""What goes out with a request: what we decided, and nothing this machine knows."""

from pathlib import Path

import pytest

from submissions.link_check import Code
from submissions.tests.link_check.hostile import (
    answer,
    check,
    redirect,
    resolve_names,
    routes,
    says,
    serving,
)


def header_names(request: bytes) -> list[str]:
    lines = request.decode("latin-1").split("\r\n")[1:]
    return [line.partition(":")[0] for line in lines if line]


def test_a_request_is_these_lines_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {"tool.example.com": ["127.0.0.1"]})

    with serving(says(answer())) as server:
        check(server.url("/a?b#c", host="tool.example.com"))

    first_line = server.requests[0].split(b"\r\n")[0]
    assert first_line == b"GET /a?b HTTP/1.1"
    assert sorted(header_names(server.requests[0])) == [
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Host",
        "User-Agent",
    ]
    assert f"Host: tool.example.com:{server.port}\r\n".encode() in server.requests[0]
    assert b"User-Agent: ToolsiteLinkCheck/1 " in server.requests[0]


def test_where_we_come_from_is_not_told() -> None:
    table = {"/": redirect("/there"), "/there": answer()}

    with serving(routes(table)) as server:
        check(server.url("/#secret"))

    assert not any(b"referer" in request.lower() for request in server.requests)
    assert not any(b"secret" in request for request in server.requests)


def test_credentials_in_netrc_stay_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login alice password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))

    with serving(says(answer())) as server:
        verdict = check(server.url())

    assert verdict.code is Code.OK
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy"])
def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with serving(says(answer())) as proxy, serving(says(answer())) as server:
        monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv(name.upper(), proxy.url())
        monkeypatch.setenv("no_proxy", "")
        verdict = check(server.url())

    assert verdict.code is Code.OK
    assert proxy.accepted == 0
    assert server.accepted == 1
