"""Hostile links, and what the form says to each of them. Pure."""

from ipaddress import ip_network

import pytest

from submissions.link_check import Code, LinkSyntaxError, normalise_link, validate_link_syntax
from submissions.link_check.parse import follow_reference, parse_link

HOSTILE: list[tuple[str, Code]] = [
    # Not a whole web address.
    ("", Code.BAD_SYNTAX),
    ("example.com", Code.BAD_SYNTAX),
    ("www.example.com/page", Code.BAD_SYNTAX),
    ("//example.com/", Code.BAD_SYNTAX),
    ("///example.com/", Code.BAD_SYNTAX),
    ("/etc/passwd", Code.BAD_SYNTAX),
    ("?q=1", Code.BAD_SYNTAX),
    ("#top", Code.BAD_SYNTAX),
    (":", Code.BAD_SYNTAX),
    ("://example.com", Code.BAD_SYNTAX),
    ("http:", Code.BAD_SYNTAX),
    ("http:/", Code.BAD_SYNTAX),
    ("http://", Code.BAD_SYNTAX),
    ("https://", Code.BAD_SYNTAX),
    ("http:example.com", Code.BAD_SYNTAX),
    ("http:/example.com", Code.BAD_SYNTAX),
    ("https:///example.com", Code.BAD_SYNTAX),
    ("http:////example.com", Code.BAD_SYNTAX),
    ("http://?q", Code.BAD_SYNTAX),
    ("http://#f", Code.BAD_SYNTAX),
    # Another scheme.
    ("ftp://example.com/", Code.SCHEME),
    ("file:///etc/passwd", Code.SCHEME),
    ("file://localhost/etc/passwd", Code.SCHEME),
    ("gopher://example.com:70/_GET", Code.SCHEME),
    ("dict://example.com:11211/stat", Code.SCHEME),
    ("ldap://example.com/", Code.SCHEME),
    ("sftp://example.com/", Code.SCHEME),
    ("tftp://example.com/x", Code.SCHEME),
    ("jar:http://example.com!/", Code.SCHEME),
    ("javascript:alert(1)", Code.SCHEME),
    ("JaVaScRiPt:alert(1)//http://example.com", Code.SCHEME),
    ("data:text/html,<script>", Code.SCHEME),
    ("mailto:alice@example.com", Code.SCHEME),
    ("view-source:http://example.com/", Code.SCHEME),
    ("httpx://example.com/", Code.SCHEME),
    ("http+unix://socket/", Code.SCHEME),
    ("ws://example.com/", Code.SCHEME),
    ("example.com:8080/page", Code.SCHEME),
    ("localhost:80", Code.SCHEME),
    # Invisible and confusing characters.
    (" https://example.com/", Code.BAD_CHARACTERS),
    ("https://example.com/ ", Code.BAD_CHARACTERS),
    ("https://example.com/a b", Code.BAD_CHARACTERS),
    ("https://exam ple.com/", Code.BAD_CHARACTERS),
    ("https://example.com/\n", Code.BAD_CHARACTERS),
    ("https://example.com/\r\nHost: evil.com", Code.BAD_CHARACTERS),
    ("https://example.com/\r\n\r\nGET /", Code.BAD_CHARACTERS),
    ("ht\ttps://example.com/", Code.BAD_CHARACTERS),
    ("java\nscript:alert(1)", Code.BAD_CHARACTERS),
    ("https://example.com\x00.evil.com/", Code.BAD_CHARACTERS),
    ("https://example.com/\x7f", Code.BAD_CHARACTERS),
    ("https://example.com/\x85", Code.BAD_CHARACTERS),
    ("https://example.com/\xa0", Code.BAD_CHARACTERS),
    ("https://example.com/\u3000", Code.BAD_CHARACTERS),
    ("https://example.com/\u2028", Code.BAD_CHARACTERS),
    ("https://example.com/\u2029", Code.BAD_CHARACTERS),
    ("https://exa\u200bmple.com/", Code.BAD_CHARACTERS),
    ("https://exa\u200dmple.com/", Code.BAD_CHARACTERS),
    ("https://exa\u2060mple.com/", Code.BAD_CHARACTERS),
    ("https://exa\u00admple.com/", Code.BAD_CHARACTERS),
    ("\ufeffhttps://example.com/", Code.BAD_CHARACTERS),
    ("https://example.com/\u202egpj.exe", Code.BAD_CHARACTERS),
    ("https://example.com/\u2066x\u2069", Code.BAD_CHARACTERS),
    ("https://example.com/\u200e", Code.BAD_CHARACTERS),
    ("https://example.com/\u061c", Code.BAD_CHARACTERS),
    ("https://example.com/\ud800", Code.BAD_CHARACTERS),
    ("https://example.com/\ue000", Code.BAD_CHARACTERS),
    ("https://example.com/\U000e0001", Code.BAD_CHARACTERS),
    ("https://example.com/\uffff", Code.BAD_CHARACTERS),
    ("https:\\\\example.com\\", Code.BAD_CHARACTERS),
    ("https://example.com\\@127.0.0.1/", Code.BAD_CHARACTERS),
    ("https://example.com/\\..\\x", Code.BAD_CHARACTERS),
    # User names and passwords.
    ("https://alice@example.com/", Code.USER_INFO),
    ("https://alice:secret@example.com/", Code.USER_INFO),
    ("https://@example.com/", Code.USER_INFO),
    ("https://:@example.com/", Code.USER_INFO),
    ("https://example.com@127.0.0.1/", Code.USER_INFO),
    ("https://example.com:80@10.0.0.1/", Code.USER_INFO),
    ("https://127.0.0.1@example.com/", Code.USER_INFO),
    ("https://a@b@example.com/", Code.USER_INFO),
    ("https://example.com:443:@10.0.0.1/", Code.USER_INFO),
    # Hosts that are none.
    ("https://.example.com/", Code.BAD_HOST),
    ("https://example..com/", Code.BAD_HOST),
    ("https://example.com../", Code.BAD_HOST),
    ("https://./", Code.BAD_HOST),
    ("https://../", Code.BAD_HOST),
    ("https://-example.com/", Code.BAD_HOST),
    ("https://example-.com/", Code.BAD_HOST),
    ("https://exa_mple.com/", Code.BAD_HOST),
    ("https://exa%6dple.com/", Code.BAD_HOST),
    ("https://example.com%00.evil.com/", Code.BAD_HOST),
    ("https://example.com%2f@x/", Code.USER_INFO),
    ("https://example.com%40evil.com/", Code.BAD_HOST),
    ("https://exa$mple.com/", Code.BAD_HOST),
    ("https://exa,mple.com/", Code.BAD_HOST),
    ("https://exa;mple.com/", Code.BAD_HOST),
    ("https://exa<mple>.com/", Code.BAD_HOST),
    ("https://*.example.com/", Code.BAD_HOST),
    ("https://example.com|evil.com/", Code.BAD_HOST),
    ("https://{host}.com/", Code.BAD_HOST),
    ("https://" + "a" * 64 + ".com/", Code.BAD_HOST),
    ("https://" + "a." * 127 + "com/", Code.BAD_HOST),
    ("https://evil.com\uff0fexample.com/", Code.BAD_HOST),
    ("https://evil.com\u2100.example.com/", Code.BAD_HOST),
    ("https://evil.com\uff03.example.com/", Code.BAD_HOST),
    ("https://evil.com\uff1a80/", Code.BAD_HOST),
    ("https://alice\uff20example.com/", Code.BAD_HOST),
    ("https://evil.com\uff05example.com/", Code.BAD_HOST),
    ("https://\u2488.com/", Code.BAD_HOST),
    ("https://\u0301example.com/", Code.BAD_HOST),
    ("https://\U0001f4a9.la/", Code.BAD_HOST),
    ("https://exa[mple.com/", Code.BAD_HOST),
    ("https://[::1/", Code.IP_LITERAL),
    ("https://]::1[/", Code.BAD_HOST),
    ("https://[]/", Code.IP_LITERAL),
    ("https://[example.com]/", Code.IP_LITERAL),
    # Addresses, plainly written: public ones as well.
    ("http://127.0.0.1/", Code.IP_LITERAL),
    ("http://127.0.0.1:8080/", Code.IP_LITERAL),
    ("http://10.0.0.1/", Code.IP_LITERAL),
    ("http://169.254.169.254/latest/meta-data/", Code.IP_LITERAL),
    ("http://100.100.100.200/", Code.IP_LITERAL),
    ("http://0.0.0.0/", Code.IP_LITERAL),
    ("http://255.255.255.255/", Code.IP_LITERAL),
    ("http://1.1.1.1/", Code.IP_LITERAL),
    ("http://8.8.8.8:443/", Code.IP_LITERAL),
    ("http://127.0.0.1./", Code.IP_LITERAL),
    # Addresses in every other notation.
    ("http://2130706433/", Code.IP_LITERAL),
    ("http://2852039166/", Code.IP_LITERAL),
    ("http://0/", Code.IP_LITERAL),
    ("http://00/", Code.IP_LITERAL),
    ("http://0x0/", Code.IP_LITERAL),
    ("http://0x/", Code.IP_LITERAL),
    ("http://4294967296/", Code.IP_LITERAL),
    ("http://99999999999999999999/", Code.IP_LITERAL),
    ("http://0x7f000001/", Code.IP_LITERAL),
    ("http://0X7F000001/", Code.IP_LITERAL),
    ("http://0x7f.0.0.1/", Code.IP_LITERAL),
    ("http://0x7f.1/", Code.IP_LITERAL),
    ("http://127.0.0.0x1/", Code.IP_LITERAL),
    ("http://017700000001/", Code.IP_LITERAL),
    ("http://0177.0.0.1/", Code.IP_LITERAL),
    ("http://0177.0.0.01/", Code.IP_LITERAL),
    ("http://127.0.0.01/", Code.IP_LITERAL),
    ("http://127.1/", Code.IP_LITERAL),
    ("http://127.0.1/", Code.IP_LITERAL),
    ("http://127.0.0.1.5/", Code.IP_LITERAL),
    ("http://127.0.0.256/", Code.IP_LITERAL),
    ("http://example.1/", Code.IP_LITERAL),
    ("http://example.0x1/", Code.IP_LITERAL),
    ("http://1e3.com.09/", Code.IP_LITERAL),
    ("http://\uff11\uff12\uff17.0.0.1/", Code.IP_LITERAL),
    ("http://127\u30020\u30020\u30021/", Code.IP_LITERAL),
    ("http://127\uff0e0\uff0e0\uff0e1/", Code.IP_LITERAL),
    ("http://127\uff610\uff610\uff611/", Code.IP_LITERAL),
    ("http://\u2460\u2461\u2466.0.0.1/", Code.IP_LITERAL),
    ("http://\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1/", Code.IP_LITERAL),
    ("http://0\uff587f.0.0.1/", Code.IP_LITERAL),
    ("http://\u00b2\u00b9\u00b3.0.0.1/", Code.IP_LITERAL),
    ("http://\u0661\u0662\u0667.0.0.1/", Code.BAD_HOST),
    ("http://%31%32%37.0.0.1/", Code.IP_LITERAL),
    ("http://[::1]/", Code.IP_LITERAL),
    ("http://[::1]:80/", Code.IP_LITERAL),
    ("http://[::]/", Code.IP_LITERAL),
    ("http://[0:0:0:0:0:0:0:1]/", Code.IP_LITERAL),
    ("http://[::ffff:127.0.0.1]/", Code.IP_LITERAL),
    ("http://[::ffff:7f00:1]/", Code.IP_LITERAL),
    ("http://[::127.0.0.1]/", Code.IP_LITERAL),
    ("http://[64:ff9b::7f00:1]/", Code.IP_LITERAL),
    ("http://[2002:7f00:1::]/", Code.IP_LITERAL),
    ("http://[fe80::1%25eth0]/", Code.IP_LITERAL),
    ("http://[fe80::1%eth0]/", Code.IP_LITERAL),
    ("http://[fd00:ec2::254]/", Code.IP_LITERAL),
    ("http://[2606:4700:4700::1111]/", Code.IP_LITERAL),
    ("http://[v1.fe80::a]/", Code.IP_LITERAL),
    ("http://[127.0.0.1]/", Code.IP_LITERAL),
    ("http://[::1].example.com/", Code.IP_LITERAL),
    ("http://[::1]example.com/", Code.IP_LITERAL),
    ("http://::1/", Code.IP_LITERAL),
    ("http://fe80::1/", Code.IP_LITERAL),
    ("http://[\uff11::]/", Code.IP_LITERAL),
    # Names that are not of the public internet.
    ("http://localhost/", Code.RESERVED_NAME),
    ("http://LOCALHOST/", Code.RESERVED_NAME),
    ("http://localhost./", Code.RESERVED_NAME),
    ("http://\u24dbocalhost/", Code.RESERVED_NAME),
    ("http://tool.localhost/", Code.RESERVED_NAME),
    ("http://localhost.localdomain/", Code.RESERVED_NAME),
    ("http://printer.local/", Code.RESERVED_NAME),
    ("http://metadata.google.internal/", Code.RESERVED_NAME),
    ("http://kubernetes.default.svc.cluster.local/", Code.RESERVED_NAME),
    ("http://wiki.intranet/", Code.RESERVED_NAME),
    ("http://nas.lan/", Code.RESERVED_NAME),
    ("http://router.home/", Code.RESERVED_NAME),
    ("http://router.home.arpa/", Code.RESERVED_NAME),
    ("http://1.0.0.127.in-addr.arpa/", Code.RESERVED_NAME),
    ("http://mail.corp/", Code.RESERVED_NAME),
    ("http://box.private/", Code.RESERVED_NAME),
    ("http://x.test/", Code.RESERVED_NAME),
    ("http://x.example/", Code.RESERVED_NAME),
    ("http://x.invalid/", Code.RESERVED_NAME),
    ("http://expyuzz4wqqyqhjn.onion/", Code.RESERVED_NAME),
    ("http://x.i2p/", Code.RESERVED_NAME),
    ("http://x.alt/", Code.RESERVED_NAME),
    ("http://intranet/", Code.RESERVED_NAME),
    ("http://metadata/", Code.RESERVED_NAME),
    ("http://postgres:8080/", Code.RESERVED_NAME),
    ("http://example.c/", Code.RESERVED_NAME),
    ("http://example.c0m/", Code.RESERVED_NAME),
    ("http://xn--/", Code.BAD_HOST),
    # Ports.
    ("http://example.com:22/", Code.PORT),
    ("http://example.com:25/", Code.PORT),
    ("http://example.com:6379/", Code.PORT),
    ("http://example.com:5432/", Code.PORT),
    ("http://example.com:0/", Code.PORT),
    ("http://example.com:/", Code.PORT),
    ("http://example.com:080/", Code.PORT),
    ("http://example.com:65536/", Code.PORT),
    ("http://example.com:65616/", Code.PORT),
    ("http://example.com:4294967376/", Code.PORT),
    ("http://example.com:+80/", Code.PORT),
    ("http://example.com:-80/", Code.PORT),
    ("http://example.com:8_0/", Code.PORT),
    ("http://example.com:80%20/", Code.PORT),
    ("http://example.com:http/", Code.PORT),
    ("http://example.com:\uff18\uff10/", Code.PORT),
    ("http://example.com:80:80/", Code.BAD_HOST),
    ("http://:80/", Code.BAD_HOST),
    # Length, before and after escaping.
    ("https://example.com/" + "a" * 2_029, Code.TOO_LONG),
    ("https://example.com/" + "\u00e9" * 1_000, Code.TOO_LONG),
    ("https://example.com/?" + "%" * 1_000, Code.TOO_LONG),
    ("https://" + "a" * 100_000, Code.TOO_LONG),
]

GOOD: list[tuple[str, str]] = [
    ("https://example.com", "https://example.com/"),
    ("HTTPS://EXAMPLE.COM/Path", "https://example.com/Path"),
    ("http://example.com.:80/", "http://example.com/"),
    ("http://example.com:8080/x", "http://example.com:8080/x"),
    ("https://example.com:8443", "https://example.com:8443/"),
    ("http://example.com:443/", "http://example.com:443/"),
    ("https://b\u00fccher.de/", "https://xn--bcher-kva.de/"),
    ("https://xn--bcher-kva.de/", "https://xn--bcher-kva.de/"),
    ("https://stra\u00dfe.de/", "https://xn--strae-oqa.de/"),
    ("https://\u4f8b\u3048.\u30c6\u30b9\u30c8.jp/", "https://xn--r8jz45g.xn--zckzah.jp/"),
    ("https://example.xn--p1ai/", "https://example.xn--p1ai/"),
    ("https://3com.com/", "https://3com.com/"),
    ("https://1.2.3.4.example.com/", "https://1.2.3.4.example.com/"),
    ("https://a-b--c.example.com/", "https://a-b--c.example.com/"),
    ("https://example.com/?q=a+b&c", "https://example.com/?q=a+b&c"),
    ("https://example.com?", "https://example.com/"),
    ("https://example.com?q", "https://example.com/?q"),
    ("https://example.com/@alice", "https://example.com/@alice"),
    ("https://example.com/#/app/x?y", "https://example.com/#/app/x?y"),
    ("https://example.com/caf\u00e9", "https://example.com/caf%C3%A9"),
    ("https://example.com/%7ealice/%2f", "https://example.com/~alice/%2F"),
    ("https://example.com/100%", "https://example.com/100%25"),
    ("https://example.com/a/./b/../c", "https://example.com/a/c"),
    ("https://example.com/%2e%2E/%2e/x", "https://example.com/x"),
    ("https://example.com/../../etc", "https://example.com/etc"),
    ('https://example.com/"<script>', "https://example.com/%22%3Cscript%3E"),
    ("https://example.com//a//b", "https://example.com//a//b"),
    ("https://example.com/" + "a" * 2_028, "https://example.com/" + "a" * 2_028),
]

SAME: list[tuple[str, str]] = [
    ("https://example.com", "https://example.com/"),
    ("http://example.com", "https://example.com"),
    ("https://EXAMPLE.com/Tool", "https://example.com/Tool/"),
    ("https://example.com/tool///", "https://example.com/tool"),
    ("https://example.com:443/tool", "https://example.com/tool"),
    ("http://example.com:80/tool", "https://example.com/tool"),
    ("http://example.com:443/", "https://example.com/"),
    ("http://example.com:8080/", "https://example.com:8080/"),
    ("https://example.com./", "https://example.com/"),
    ("https://example.com/tool#start", "https://example.com/tool"),
    ("https://example.com/tool/?a=1", "https://example.com/tool?a=1"),
    ("https://example.com/tool?", "https://example.com/tool"),
    ("https://b\u00fccher.de/", "https://XN--BCHER-KVA.de/"),
    ("https://b\u00dcCHER.de/", "https://xn--bcher-kva.de/"),
    ("https://example.com/a/../tool", "https://example.com/./tool"),
    ("https://example.com/%7Ealice", "https://example.com/~alice"),
    ("https://example.com/%c3%a9", "https://example.com/\u00e9"),
    ("https://example.com/t?q=%7e", "https://example.com/t?q=~"),
]

DIFFERENT: list[tuple[str, str]] = [
    ("https://example.com/Tool", "https://example.com/tool"),
    ("https://example.com/tool?a=1", "https://example.com/tool?a=2"),
    ("https://example.com/tool?a", "https://example.com/tool"),
    ("https://example.com/a%2Fb", "https://example.com/a/b"),
    ("https://example.com/a", "https://www.example.com/a"),
    ("https://example.com:8443/", "https://example.com/"),
    ("https://example.com:80/", "https://example.com/"),
]

REFERENCES: list[tuple[str, str]] = [
    ("https://other.com/x", "https://other.com/x"),
    ("//other.com/x", "http://other.com/x"),
    ("/x?y#z", "http://example.com:8080/x?y#z"),
    ("x", "http://example.com:8080/a/x"),
    ("../x", "http://example.com:8080/x"),
    ("?x", "http://example.com:8080/a/b?x"),
    ("#x", "http://example.com:8080/a/b?q#x"),
    ("", "http://example.com:8080/a/b?q"),
    ("?", "http://example.com:8080/a/b"),
    ("a b?c d#e f", "http://example.com:8080/a/a%20b?c%20d#e%20f"),
    ("/a b%20c", "http://example.com:8080/a%20b%20c"),
    ("  /x  ", "http://example.com:8080/x"),
    ("   ", "http://example.com:8080/a/b?q"),
    ("https://other.com/a b", "https://other.com/a%20b"),
    ("ht tp://other.com/", "http://example.com:8080/a/ht%20tp://other.com/"),
]


@pytest.mark.parametrize(("url", "code"), HOSTILE)
def test_a_hostile_link_is_refused_with_its_code(url: str, code: Code) -> None:
    with pytest.raises(LinkSyntaxError) as refusal:
        validate_link_syntax(url)

    assert refusal.value.code is code
    assert refusal.value.sentence.endswith(".")


def test_the_table_of_hostile_links_is_long_and_names_none_twice() -> None:
    urls = [url for url, _ in HOSTILE]

    assert len(urls) == len(set(urls)) >= 150


@pytest.mark.parametrize(("written", "plain"), GOOD)
def test_a_good_link_is_written_plainly(written: str, plain: str) -> None:
    assert validate_link_syntax(written) == plain
    assert validate_link_syntax(plain) == plain


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_write_a_link_have_one_key(one: str, other: str) -> None:
    assert normalise_link(one) == normalise_link(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_links_that_may_differ_have_two_keys(one: str, other: str) -> None:
    assert normalise_link(one) != normalise_link(other)


@pytest.mark.parametrize(("reference", "target"), REFERENCES)
def test_a_redirect_is_read_against_the_page_it_came_from(reference: str, target: str) -> None:
    base = parse_link("http://example.com:8080/a/b?q#f")

    assert str(follow_reference(base, reference)) == target


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("https://other .com/", Code.BAD_HOST),
        ("//other.com evil.com/", Code.BAD_HOST),
        ("//alice @other.com/", Code.USER_INFO),
        ("//other.com: 80/", Code.PORT),
        ("https:// other.com/", Code.BAD_HOST),
        ("/a\u00a0b", Code.BAD_CHARACTERS),
        ("/a\u3000b", Code.BAD_CHARACTERS),
        ("/" + " " * 1_000 + "x", Code.TOO_LONG),
    ],
)
def test_a_space_in_a_redirect_moves_no_host_and_no_other_space_is_taken(
    reference: str, code: Code
) -> None:
    base = parse_link("http://example.com:8080/a/b?q#f")

    with pytest.raises(LinkSyntaxError) as refusal:
        follow_reference(base, reference)

    assert refusal.value.code is code


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:22001/", "http://localhost:5000/", "https://tool.example.com:22001/"],
)
def test_an_allowed_network_lets_its_addresses_localhost_and_ports_through(url: str) -> None:
    assert validate_link_syntax(url, allow=[ip_network("127.0.0.0/8")]) == url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/", Code.IP_LITERAL),
        ("http://2130706433/", Code.IP_LITERAL),
        ("http://0x7f.0.0.1/", Code.IP_LITERAL),
        ("http://127.1/", Code.IP_LITERAL),
        ("http://127.0.0.1./", Code.IP_LITERAL),
        ("http://\uff11\uff12\uff17.0.0.1/", Code.IP_LITERAL),
        ("http://[::1]/", Code.IP_LITERAL),
        ("http://[::ffff:127.0.0.1]/", Code.IP_LITERAL),
        ("http://tool.localhost/", Code.RESERVED_NAME),
        ("http://intranet/", Code.RESERVED_NAME),
        ("ftp://127.0.0.1/", Code.SCHEME),
        ("http://alice@127.0.0.1/", Code.USER_INFO),
    ],
)
def test_an_allowed_network_loosens_nothing_else(url: str, code: Code) -> None:
    with pytest.raises(LinkSyntaxError) as refusal:
        validate_link_syntax(url, allow=[ip_network("127.0.0.0/8")])

    assert refusal.value.code is code
