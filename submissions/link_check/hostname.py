"""The host of a link: a public-looking name in its ASCII form, or an address written plainly."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

from submissions.link_check.addresses import IPAddress
from submissions.link_check.verdict import Code, LinkSyntaxError

MAX_HOST_CHARACTERS = 253

LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")
PUNYCODE = "xn--"
JOINERS = "\u200c\u200d"
# The URL Standard's "ends in a number": browsers and resolvers read such a host as IPv4,
# so 127.1, 2130706433, 0x7f.1 and 0177.0.0.1 are all addresses.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Never delegated on the public internet, or used inside networks (RFC 6761, RFC 6762, RFC 7686,
# RFC 9476, ICANN's name-collision list).
RESERVED = frozenset(
    [
        "alt",
        "arpa",
        "corp",
        "example",
        "home",
        "internal",
        "intranet",
        "invalid",
        "i2p",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "mail",
        "onion",
        "private",
        "test",
    ]
)


def read_host(written: str) -> tuple[str, IPAddress | None]:
    """Return the ASCII lower-case host, and the address if it is one in its usual notation.

    Any other notation of an address raises LinkSyntaxError, as does a name that cannot be one.
    """
    if written.startswith("["):
        address = read_bracketed(written)
        return f"[{address}]", address
    host = to_ascii(written)
    if host.endswith("."):
        host = host[:-1]
    if not host or len(host) > MAX_HOST_CHARACTERS:
        raise LinkSyntaxError(Code.BAD_HOST)
    labels = host.split(".")
    if NUMBER.fullmatch(labels[-1]):
        return host, read_dotted(host, written)
    if not all(LABEL.fullmatch(label) and is_spelled_well(label) for label in labels):
        raise LinkSyntaxError(Code.BAD_HOST)
    return host, None


def is_spelled_well(label: str) -> bool:
    """Say whether a label is no punycode, or that of a text which could be written in its place.

    UTS #46, section 4.1: browsers show the text, and refuse what only pretends to be one.
    """
    if not label.startswith(PUNYCODE):
        return True
    try:
        text = label.removeprefix(PUNYCODE).encode().decode("punycode")
        idna.check_initial_combiner(text)
        idna.check_bidi(text)
        joined = (at for at, character in enumerate(text) if character in JOINERS)
        is_plain = all(idna.valid_contextj(text, at) for at in joined)
        return is_plain and not text.isascii() and idna.uts46_remap(text) == text
    except (UnicodeError, ValueError, IndexError):
        return False


def to_ascii(written: str) -> str:
    if written.isascii():
        return written.lower()
    try:
        return idna.encode(written, uts46=True, std3_rules=True).decode("ascii").lower()
    except UnicodeError:
        raise LinkSyntaxError(Code.BAD_HOST) from None


def read_bracketed(written: str) -> IPv6Address:
    if not written.isascii() or not written.endswith("]") or "%" in written:
        raise LinkSyntaxError(Code.IP_LITERAL)
    try:
        return IPv6Address(written[1:-1])
    except AddressValueError:
        raise LinkSyntaxError(Code.IP_LITERAL) from None


def read_dotted(host: str, written: str) -> IPv4Address:
    if host != written:
        raise LinkSyntaxError(Code.IP_LITERAL)
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise LinkSyntaxError(Code.IP_LITERAL) from None


def is_reserved_name(host: str) -> bool:
    """Say whether a name cannot be one of the public internet."""
    labels = host.split(".")
    top = labels[-1]
    return len(labels) < 2 or top in RESERVED or not TOP_LABEL.fullmatch(top)
