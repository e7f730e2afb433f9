"""Every hop is judged like the first one."""

from ipaddress import ip_network

import pytest

from submissions.link_check import Code, Outcome, check_link, explain
from submissions.tests.link_check.hostile import (
    Peer,
    answer,
    check,
    check_against,
    redirect,
    resolve_names,
    routes,
    says,
    serving,
)


@pytest.mark.parametrize("status", ["301 A", "302 A", "303 A", "307 A", "308 A"])
def test_a_redirect_is_followed_to_its_page(status: str) -> None:
    table = {"/": redirect("/there?x#y", status), "/there?x": answer()}

    with serving(routes(table)) as server:
        verdict = check(server.url())

    assert verdict.code is Code.OK
    assert verdict.final_url == server.url("/there?x")
    assert verdict.hops == (server.url("/"), server.url("/there?x"))


def chain(length: int) -> dict[str, bytes]:
    hops = {f"/{number}": redirect(f"/{number + 1}") for number in range(length)}
    return {**hops, f"/{length}": answer()}


def test_five_redirects_are_followed() -> None:
    with serving(routes(chain(5))) as server:
        verdict = check(server.url("/0"))

    assert verdict.code is Code.OK
    assert len(verdict.hops) == 6


def test_a_sixth_redirect_is_not() -> None:
    with serving(routes(chain(6))) as server:
        verdict = check(server.url("/0"))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.TOO_MANY_REDIRECTS)
    assert server.accepted == 6


@pytest.mark.parametrize(
    "table",
    [
        {"/a": redirect("/a")},
        {"/a": redirect("#other")},
        {"/a": redirect("/b"), "/b": redirect("/a#again")},
        {"/a": redirect("/x/../a")},
        {"/a": redirect("/%61")},
    ],
)
def test_a_circle_is_noticed(table: dict[str, bytes]) -> None:
    with serving(routes(table)) as server:
        verdict = check(server.url("/a"))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.REDIRECT_LOOP)
    assert server.accepted == len(table)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://10.0.0.1/", Code.IP_LITERAL),
        ("http://169.254.169.254/latest/meta-data/", Code.IP_LITERAL),
        ("http://[::1]/", Code.IP_LITERAL),
        ("http://[::ffff:127.0.0.1]/", Code.IP_LITERAL),
        ("http://2130706433/", Code.IP_LITERAL),
        ("http://0x7f.1/", Code.IP_LITERAL),
        ("//0177.0.0.1/", Code.IP_LITERAL),
        ("http://tool.internal/", Code.RESERVED_NAME),
        ("http://alice:secret@tool.example.com/", Code.USER_INFO),
        ("file:///etc/passwd", Code.SCHEME),
        ("gopher://127.0.0.1:6379/_FLUSHALL", Code.SCHEME),
        ("javascript:alert(1)", Code.SCHEME),
        ("data:text/html,x", Code.SCHEME),
        ("http:evil.com", Code.BAD_SYNTAX),
        ("http://", Code.BAD_SYNTAX),
        ("http://a b.example.com/", Code.BAD_HOST),
        ("/a\tb", Code.BAD_CHARACTERS),
        ("/\\evil.com", Code.BAD_CHARACTERS),
        ("https:\\\\evil.com", Code.BAD_CHARACTERS),
        ("/" + "a" * 2_048, Code.TOO_LONG),
        ("http://rebound.example.com/", Code.PRIVATE_ADDRESS),
        ("http://gone.example.com/", Code.NO_SUCH_HOST),
        ("http://public.example.com:22/", Code.PORT),
        ("http://public.example.com:22001/", Code.PORT),
    ],
)
def test_a_redirect_to_a_bad_place_ends_there(
    monkeypatch: pytest.MonkeyPatch, target: str, code: Code
) -> None:
    resolve_names(
        monkeypatch,
        {"rebound.example.com": ["10.0.0.1"], "public.example.com": ["93.184.216.34"]},
    )

    verdict = check_against(says(redirect(target)))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, code)
    assert verdict.status == 302
    assert "redirect" in explain(verdict)


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "2130706434", "0x7f.0.0.2", "[::ffff:127.0.0.2]", "inside.example.com"]
)
def test_a_private_address_behind_a_redirect_is_never_connected_to(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    resolve_names(monkeypatch, {"inside.example.com": ["127.0.0.2"]})
    with serving(says(answer()), host="127.0.0.2") as inside:
        target = f"http://{host}:{inside.port}/"
        with serving(says(redirect(target))) as outside:
            verdict = check_link(outside.url(), allow=[ip_network("127.0.0.1/32")])

    assert verdict.outcome is Outcome.INVALID
    assert verdict.code in {Code.IP_LITERAL, Code.PRIVATE_ADDRESS}
    assert outside.accepted == 1
    assert inside.accepted == 0


def test_a_redirect_without_a_target_is_invalid() -> None:
    verdict = check_against(says(answer(b"", "302 Found")))

    assert verdict.code is Code.BAD_REDIRECT


@pytest.mark.parametrize("target", ["", " "])
def test_an_empty_target_is_the_address_itself(target: str) -> None:
    with serving(says(redirect(target))) as server:
        verdict = check(server.url("/a/b?c"))

    assert verdict.code is Code.REDIRECT_LOOP
    assert verdict.hops == (server.url("/a/b?c"),)


def test_a_space_in_a_target_is_encoded() -> None:
    table = {"/": redirect("/my tool?of mine"), "/my%20tool?of%20mine": answer()}

    with serving(routes(table)) as server:
        verdict = check(server.url())

    assert verdict.code is Code.OK


def test_a_redirect_with_two_targets_is_invalid() -> None:
    verdict = check_against(says(redirect("/a", headers=["Location: /b"])))

    assert verdict.code is Code.BAD_REDIRECT


def test_a_redirect_may_name_its_target_in_utf8() -> None:
    table = {
        "/": redirect("/caf\u00e9".encode().decode("latin-1")),
        "/caf%C3%A9": answer(),
    }

    with serving(routes(table)) as server:
        verdict = check(server.url())

    assert verdict.code is Code.OK


def test_a_target_that_is_no_text_is_invalid() -> None:
    verdict = check_against(says(redirect("/\xff\xfe")))

    assert verdict.code is Code.BAD_REDIRECT


def test_a_path_that_begins_with_two_slashes_stays_a_path() -> None:
    with serving(routes({"//evil.example.com/x": answer()})) as server:
        verdict = check(server.url("//evil.example.com/x"))

    assert verdict.code is Code.OK
    assert server.accepted == 1


def test_the_body_of_a_redirect_is_not_read() -> None:
    def endless(peer: Peer) -> None:
        if peer.read_request() == b"/":
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
            peer.send_forever(b"x" * 4_096)
        peer.send(answer())

    with serving(endless) as server:
        verdict = check(server.url())

    assert verdict.code is Code.OK
    assert server.sent_bytes < 512 * 1024


def test_a_second_host_is_resolved_and_reached_at_its_own_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_names(monkeypatch, {"one.example.com": ["127.0.0.1"], "two.example.com": ["127.0.0.2"]})

    with serving(says(answer()), host="127.0.0.2") as second:
        target = second.url(host="two.example.com")
        with serving(says(redirect(target))) as first:
            verdict = check(first.url(host="one.example.com"))

    assert verdict.code is Code.OK
    assert f"Host: two.example.com:{second.port}".encode() in second.requests[0]
