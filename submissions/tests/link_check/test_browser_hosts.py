"""A link leads our check to the host a browser would open, or nowhere.

The host (with its port, where that is not the scheme's own) that the URL Standard finds in each of
these, or None where a browser of today or of yesterday finds no address at all. We refuse most of
them, which is fine; what we take must have that very host, and where there is None we take nothing.
"""

import pytest

from submissions.link_check import LinkSyntaxError
from submissions.link_check.parse import follow_reference, parse_link

WRITTEN: dict[str, dict[str, str | None]] = {
    "plain": {
        "https://tool.dev": "tool.dev",
        "HTTPS://Tool.DEV/": "tool.dev",
        "http://tool.dev:80/": "tool.dev",
        "https://tool.dev:8443/a": "tool.dev:8443",
        "http://tool.dev:443/": "tool.dev:443",
        "https://tool.dev?@evil.dev": "tool.dev",
        "https://tool.dev#@evil.dev/": "tool.dev",
        "https://tool.dev/@evil.dev": "tool.dev",
        "https://tool.dev/:@evil.dev:80/": "tool.dev",
        "https://tool.dev//evil.dev": "tool.dev",
        "https://a.b.c.d.tool.dev/": "a.b.c.d.tool.dev",
    },
    "slashes": {
        "https:tool.dev": "tool.dev",
        "https:/tool.dev": "tool.dev",
        "https:////tool.dev": "tool.dev",
        "https:\\\\tool.dev": "tool.dev",
        "https:/\\tool.dev": "tool.dev",
        "https://tool.dev\\@evil.dev": "tool.dev",
        "https://tool.dev\\.evil.dev": "tool.dev",
        "https://": None,
        "https:///": None,
        "https://?tool.dev": None,
        "https://#tool.dev": None,
        "//tool.dev": None,
        "tool.dev": None,
    },
    "white space": {
        " https://tool.dev ": "tool.dev",
        "\thttps://tool.dev\n": "tool.dev",
        "ht\ntps://tool.dev": "tool.dev",
        "https:/\t/tool.dev": "tool.dev",
        "https://to\tol.dev": "tool.dev",
        "https://tool.dev\r\n.evil.dev": "tool.dev.evil.dev",
        "https://tool.dev:80\t80": "tool.dev:8080",
        "\x00https://tool.dev": "tool.dev",
        "https://tool .dev": None,
        "https://tool.dev /": None,
        "https://tool\u00a0.dev": None,
        "https://tool\u3000.dev": None,
        "https://\x7ftool.dev": None,
        "https://tool\x01.dev": None,
        "\u00a0https://tool.dev": None,
    },
    "user names": {
        "https://tool.dev@evil.dev": "evil.dev",
        "https://tool.dev:443@evil.dev": "evil.dev",
        "https://tool.dev%40evil.dev": None,
        "https://@evil.dev": "evil.dev",
        "https://:@evil.dev": "evil.dev",
        "https://a@b@evil.dev": "evil.dev",
        "https://tool.dev:@evil.dev:8080": "evil.dev:8080",
        "https://user:pass@/": None,
        "https://@": None,
        "https://tool.dev\uff20evil.dev": None,
    },
    "ports": {
        "https://tool.dev:": "tool.dev",
        "https://tool.dev:/": "tool.dev",
        "https://tool.dev:0": "tool.dev:0",
        "https://tool.dev:00443": "tool.dev",
        "http://tool.dev:00000000000080": "tool.dev",
        "https://tool.dev:65535": "tool.dev:65535",
        "https://tool.dev:65536": None,
        "https://tool.dev:99999999999999": None,
        "https://tool.dev:+443": None,
        "https://tool.dev:-1": None,
        "https://tool.dev:443x": None,
        "https://tool.dev:\uff14\uff14\uff13": None,
        "https://tool.dev:80:80": None,
        "https://:443": None,
    },
    "numbers": {
        "http://127.0.0.1": "127.0.0.1",
        "http://127.1": "127.0.0.1",
        "http://127.0.1": "127.0.0.1",
        "http://2130706433": "127.0.0.1",
        "http://017700000001": "127.0.0.1",
        "http://0x7f000001": "127.0.0.1",
        "http://0X7F.1": "127.0.0.1",
        "http://0177.0.0.01": "127.0.0.1",
        "http://127.0.0.1.": "127.0.0.1",
        "http://0x": "0.0.0.0",
        "http://1.2.3.0x": "1.2.3.0",
        "http://4294967295": "255.255.255.255",
        "http://4294967296": None,
        "http://256": "0.0.1.0",
        "http://256.0.0.1": None,
        "http://1.2.3.4.5": None,
        "http://1.2.3.08": None,
        "http://1..2": None,
        "http://tool.1": None,
        "http://tool.0x1f": None,
        "http://tool.dev.09": None,
        "http://1.2.3.tool": "1.2.3.tool",
        "http://0x7f.tool.dev": "0x7f.tool.dev",
    },
    "brackets": {
        "http://[::1]": "[::1]",
        "http://[0:0:0:0:0:0:0:1]": "[::1]",
        "http://[::FFFF:7F00:1]": "[::ffff:7f00:1]",
        "http://[::ffff:127.0.0.1]": "[::ffff:7f00:1]",
        "http://[::127.0.0.1]:8080": "[::7f00:1]:8080",
        "http://[2001:db8:0:0:1:0:0:1]": "[2001:db8::1:0:0:1]",
        "http://[::1%25lo]": None,
        "http://[::1%lo]": None,
        "http://[::ffff:127.0.0.01]": None,
        "http://[::ffff:127.1]": None,
        "http://[::ffff:0x7f.0.0.1]": None,
        "http://[1:2:3]": None,
        "http://[::1::]": None,
        "http://[::12345]": None,
        "http://[127.0.0.1]": None,
        "http://[tool.dev]": None,
        "http://[::1": None,
        "http://::1": None,
        "http://::1]": None,
        "http://[::1]tool.dev": None,
        "http://[]": None,
    },
    "escapes": {
        "https://%74ool.dev": "tool.dev",
        "https://tool%2Edev": "tool.dev",
        "https://%31%32%37.0.0.1": "127.0.0.1",
        "https://tool.dev%2Fevil.dev": None,
        "https://tool.dev%3A80": None,
        "https://tool.dev%23.evil.dev": None,
        "https://tool.dev%00.evil.dev": None,
        "https://tool.dev%20": None,
        "https://tool.dev%5C.evil.dev": None,
        "https://tool%.dev": None,
        "https://tool%zz.dev": None,
        "https://%ef%bc%85%ef%bc%94%ef%bc%91.dev": None,
    },
    "disguises": {
        "https://\uff34\uff2f\uff2f\uff2c.dev": "tool.dev",
        "https://\u24e3ool.dev": "tool.dev",
        "https://tool\u3002dev": "tool.dev",
        "https://tool\uff0edev": "tool.dev",
        "https://tool\uff61dev": "tool.dev",
        "https://to\u00adol.dev": "tool.dev",
        "https://to\u200bol.dev": "tool.dev",
        "https://to\u2060ol.dev": "tool.dev",
        "https://\uff11\uff12\uff17.0.0.1": "127.0.0.1",
        "https://\u2460\u2461\u2466\u3002\u24ea\u30020.1": "127.0.0.1",
        "https://0\uff3817.1": "23.0.0.1",
        "https://tool.dev\u2100.evil.dev": None,
        "https://tool.dev\uff0fevil.dev": None,
        "https://tool.dev\uff1a80": None,
        "https://tool.dev\uff1fevil": None,
        "https://tool\u2024dev": None,
        "https://\u2488dev": None,
        "https://tool\u202e.dev": None,
        "https://tool\ufffd.dev": None,
        "https://tool\ue000.dev": None,
        "https://tool\u0378.dev": None,
    },
    "languages": {
        "https://b\u00fccher.dev": "xn--bcher-kva.dev",
        "https://BU\u0308CHER.dev": "xn--bcher-kva.dev",
        "https://fa\u00df.dev": "xn--fa-hia.dev",
        "https://FASS.dev": "fass.dev",
        "https://\u212aelvin.dev": "kelvin.dev",
        "https://\u017fale.dev": "sale.dev",
        "https://\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444": "xn--e1afmkfd.xn--p1ai",
        "https://\u0301tool.dev": None,
        "https://\u05d0b.dev": None,
        "https://XN--BCHER-KVA.dev": "xn--bcher-kva.dev",
        "https://xn--ls8h.la": "xn--ls8h.la",
        "https://xn--mgba3gch31f060k.dev": "xn--mgba3gch31f060k.dev",
        "https://xn--.dev": None,
        "https://xn--a.dev": None,
        "https://xn--zn7c.dev": None,
        "https://a.xn--b.dev": None,
        "https://127.0.0.xn--pokxncvks": None,
        "https://xn--BCHER-kva\u00fc.dev": None,
        "https://xn--0ug.dev": None,
    },
    "forbidden characters": {f"https://tool{character}evil.dev": None for character in "<>[]^|%"}
    | {
        f"https://tool{character}evil.dev": f"tool{character}evil.dev"
        for character in "!$&'()*+,;=_~{}`\""
    }
    | {
        "https://tool..dev": "tool..dev",
        "https://.tool.dev": ".tool.dev",
        "https://tool.dev.": "tool.dev.",
        "https://-tool-.dev": "-tool-.dev",
    },
}

FOLLOWED: dict[str, str | None] = {
    "": "tool.dev:8080",
    "x": "tool.dev:8080",
    "../../../x": "tool.dev:8080",
    "//evil.dev": "evil.dev",
    "//evil.dev:80": "evil.dev",
    "///evil.dev": "evil.dev",
    "/\\evil.dev": "evil.dev",
    "\\\\evil.dev": "evil.dev",
    "/\t/evil.dev": "evil.dev",
    "/ /evil.dev": "tool.dev:8080",
    " //evil.dev": "evil.dev",
    "/./ /../ //evil.dev": "tool.dev:8080",
    "?//evil.dev": "tool.dev:8080",
    "#//evil.dev": "tool.dev:8080",
    ":8443//evil.dev": "tool.dev:8080",
    "@evil.dev": "tool.dev:8080",
    "//@evil.dev": "evil.dev",
    "http:evil.dev": "tool.dev:8080",
    "http:/evil.dev": "tool.dev:8080",
    "http:///evil.dev": "evil.dev",
    "https:evil.dev": "evil.dev",
    "https:/evil.dev": "evil.dev",
    "ht tp://evil.dev": "tool.dev:8080",
    "%2F%2Fevil.dev": "tool.dev:8080",
    "//evil dev": None,
    "//evil.dev:x": None,
    "//[::1": None,
    "http://": None,
    "//": None,
    "evil.dev:80": "",
    "javascript:alert(1)": "",
    "data:,x": "",
}

CASES = [(link, host) for group in WRITTEN.values() for link, host in group.items()]


@pytest.mark.parametrize(("written", "host"), CASES)
def test_a_link_leads_where_a_browser_goes_or_nowhere(written: str, host: str | None) -> None:
    try:
        link = parse_link(written)
    except LinkSyntaxError:
        return

    assert link.authority == (host or "").removesuffix(".")


@pytest.mark.parametrize(("reference", "host"), FOLLOWED.items())
def test_a_redirect_leads_where_a_browser_goes_or_nowhere(reference: str, host: str | None) -> None:
    try:
        link = follow_reference(parse_link("http://tool.dev:8080/a/b?c#d"), reference)
    except LinkSyntaxError:
        return

    assert link.authority == host


def test_what_is_plainly_written_is_taken() -> None:
    plain = [parse_link(written).authority for written in WRITTEN["plain"]]

    assert plain == list(WRITTEN["plain"].values())
