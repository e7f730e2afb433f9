"""Cookies: a site gets back what it set, within one check; nobody else ever sees it."""

from datetime import UTC, datetime

import pytest

from submissions.link_check import Code
from submissions.link_check.cookies import MAX_COOKIE_CHARACTERS, MAX_COOKIES, Cookies
from submissions.link_check.parse import parse_link
from submissions.tests.link_check.hostile import (
    Peer,
    Script,
    answer,
    check,
    redirect,
    resolve_names,
    routes,
    says,
    serving,
    trust_test_authority,
)

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def cookie_line(request: bytes) -> str:
    lines = request.decode("latin-1").split("\r\n")
    return "".join(line for line in lines if line.lower().startswith("cookie:"))


def sent_back(*set_cookies: str, to: str = "https://example.com/") -> str:
    """Return the header for a request after https://example.com/ has set these."""
    cookies = Cookies()
    cookies.remember(parse_link("https://example.com/a"), set_cookies, NOON)
    return cookies.header_for(parse_link(to))


def gate(cookie: str) -> Script:
    """Let in who brings the cookie; set it and redirect to itself otherwise."""

    def script(peer: Peer) -> None:
        target = peer.read_request().decode()
        came = cookie_line(peer.server.requests[-1])
        wanted = f"Cookie: {cookie}"
        peer.send(
            answer() if came == wanted else redirect(target, headers=[f"Set-Cookie: {cookie}"])
        )

    return script


@pytest.mark.parametrize("certificate", [None, "good"])
def test_a_site_that_sets_a_cookie_and_redirects_to_itself_is_let_through(
    monkeypatch: pytest.MonkeyPatch, certificate: str | None
) -> None:
    trust_test_authority(monkeypatch)
    resolve_names(monkeypatch, {"tool.example.com": ["127.0.0.1"]})

    with serving(gate("seen=yes"), certificate=certificate) as server:
        url = server.url("/tool", host="tool.example.com")
        verdict = check(url)

    assert (verdict.code, verdict.final_url) == (Code.OK, url)
    assert verdict.hops == (url, url)


def test_the_next_check_begins_without_cookies() -> None:
    with serving(gate("seen=yes")) as server:
        verdicts = [check(server.url()), check(server.url())]

    assert [verdict.code for verdict in verdicts] == [Code.OK, Code.OK]
    assert [cookie_line(each) for each in server.requests] == ["", "Cookie: seen=yes"] * 2


def test_the_same_cookie_again_is_a_circle() -> None:
    with serving(says(redirect("/", headers=["Set-Cookie: a=1"]))) as server:
        verdict = check(server.url())

    assert verdict.code is Code.REDIRECT_LOOP
    assert server.accepted == 2


def test_a_site_that_sets_another_cookie_each_time_comes_to_an_end() -> None:
    def ever_new(peer: Peer) -> None:
        target = peer.read_request().decode()
        number = len(peer.server.requests)
        peer.send(redirect(target, headers=[f"Set-Cookie: a={number}"]))

    with serving(ever_new) as server:
        verdict = check(server.url())

    assert verdict.code is Code.TOO_MANY_REDIRECTS
    assert server.accepted == 6


def test_a_cookie_stays_with_its_host_and_comes_back_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_names(monkeypatch, {"one.example.com": ["127.0.0.1"], "example.com": ["127.0.0.2"]})
    loose = "Set-Cookie: a=1; Domain=.example.com; Path=/"
    table: dict[str, bytes] = {"/back": answer()}

    with serving(routes(table)) as one, serving(says(), host="127.0.0.2") as other:
        back = redirect(one.url("/back", host="one.example.com"), headers=["Set-Cookie: b=2"])
        other.script = says(back)
        table["/"] = redirect(other.url(host="example.com"), headers=[loose])
        verdict = check(one.url(host="one.example.com"))

    assert verdict.code is Code.OK
    assert [cookie_line(each) for each in other.requests] == [""]
    assert [cookie_line(each) for each in one.requests] == ["", "Cookie: a=1"]


@pytest.mark.parametrize(
    ("to", "header"),
    [
        ("https://example.com/elsewhere?x", "a=1; b=2"),
        ("http://example.com/", "a=1"),
        ("https://EXAMPLE.com:443/", "a=1; b=2"),
        ("https://www.example.com/", ""),
        ("https://com.example.com/", ""),
        ("https://example.org/", ""),
        ("https://example.com:8443/", ""),
        ("http://example.com:8080/", ""),
        ("http://example.com:443/", "a=1"),
    ],
)
def test_only_the_same_host_gets_cookies_back_and_a_secure_one_only_over_tls(
    to: str, header: str
) -> None:
    assert sent_back("a=1; Domain=com; Path=/", "b=2; Secure; HttpOnly", to=to) == header


@pytest.mark.parametrize(
    ("set_cookies", "header"),
    [
        (["a=1", "a=2"], "a=2"),
        (["a=1", "b=2", "a=3"], "a=3; b=2"),
        (["a=1=2; x"], "a=1=2"),
        (["  a = 1  ;Path=/"], "a=1"),
        (["a="], "a="),
        (['a="1 2"'], 'a="1 2"'),
        (["a=1", "a=; Max-Age=0"], ""),
        (["a=1", "a=; max-age=-5"], ""),
        (["a=1; Max-Age=60"], "a=1"),
        (["a=1; Max-Age=soon"], "a=1"),
        (["a=1; Max-Age=" + "9" * 5_000], "a=1"),
        (["a=1", "a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], ""),
        (["a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT"], "a=1"),
        (["a=1; Expires=whenever"], "a=1"),
        (["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"], "a=1"),
        (["nonsense"], ""),
        (["=1"], ""),
        ([""], ""),
        (["a b=1"], ""),
        (["a=1\r\nX: y"], ""),
        (["a=\x00"], ""),
        (["a=\xe9"], ""),
        (["a=" + "x" * MAX_COOKIE_CHARACTERS], ""),
        ([f"c{number}=1" for number in range(MAX_COOKIES)] + ["d=1", "c0=2"], None),
    ],
)
def test_cookies_are_read_as_browsers_read_them_or_dropped(
    set_cookies: list[str], header: str | None
) -> None:
    many = "; ".join(f"c{number}={2 if number == 0 else 1}" for number in range(MAX_COOKIES))

    assert sent_back(*set_cookies) == (many if header is None else header)
