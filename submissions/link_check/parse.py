"""Strict rules for links. Pure; whatever is not plainly a web address is refused.

One parser serves the form, the check and the rule "the same link twice". It accepts so little, and
writes it so plainly, that no later reader can see another host in it. Redirects pass it as well.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from submissions.link_check.addresses import IPAddress, IPNetwork, is_within
from submissions.link_check.bounds import MAX_LINK_CHARACTERS
from submissions.link_check.hostname import is_reserved_name, read_host
from submissions.link_check.verdict import Code, LinkSyntaxError

PORTS = frozenset({80, 443, 8080, 8443})
DEFAULT_PORTS = {"http": 80, "https": 443}

LINK = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:\#(?P<fragment>.*))?"
)
AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")
BARE_IPV6 = re.compile(r"\[.*|[0-9A-Fa-f:.]*")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
PORT = re.compile(r"[1-9][0-9]{0,4}")
ESCAPE = re.compile(r"(%[0-9A-Fa-f]{2})")

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
PATH_SAFE = "!$&'()*+,;=:@/"
QUERY_SAFE = PATH_SAFE + "?"

# Control, format (bidi and zero-width among them), surrogate, private use and unassigned
# characters, and every kind of space.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link in its plain form: ASCII, lower-case host, tidy path, nothing hidden."""

    scheme: str
    host: str
    """A name, a dotted IPv4 address, or a bracketed IPv6 address."""
    address: IPAddress | None
    """The address, where the host is one."""
    port: int
    path: str
    query: str
    fragment: str

    @property
    def authority(self) -> str:
        if self.port == DEFAULT_PORTS[self.scheme]:
            return self.host
        return f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """What is asked of the server: everything but the fragment."""
        return self.origin + self.path + (f"?{self.query}" if self.query else "")

    def __str__(self) -> str:
        return self.url + (f"#{self.fragment}" if self.fragment else "")


def validate_link_syntax(url: str, *, allow: Iterable[IPNetwork] = ()) -> str:
    """Return the link in its plain form, fragment kept. No network is used.

    Raises LinkSyntaxError for whatever a form refuses at once. With `allow` (tests only),
    addresses inside those networks and "localhost" are let through, and a port is judged when
    the address behind the name is known.
    """
    link = parse_link(url)
    refuse_unwanted_host(link, tuple(allow))
    return str(link)


def normalise_link(url: str) -> str:
    """Return the key by which two links are the same: equal keys, same link.

    Dropped: the scheme's difference (http counts as https), the default port, the fragment, the
    path's trailing slashes, an empty query. Made one: letter case of the host, IDN and punycode,
    dot segments, the ways to percent-encode. Kept: the path's letter case, the query, "www.".
    The key is itself a link, and its own key. Raises LinkSyntaxError where there is no link.
    """
    link = parse_link(url)
    usual_port = link.port in {DEFAULT_PORTS[link.scheme], DEFAULT_PORTS["https"]}
    authority = link.host if usual_port else f"{link.host}:{link.port}"
    query = f"?{link.query}" if link.query else ""
    return f"https://{authority}{link.path.rstrip('/')}{query}"


def parse_link(url: str) -> Link:
    """Read a link by the rules of writing alone. Raises LinkSyntaxError and nothing else."""
    refuse_bad_characters(url)
    parts = LINK.fullmatch(url)
    if parts is None:
        named = SCHEME.match(url)
        is_other_scheme = named and named[0].lower() not in {"http:", "https:"}
        raise LinkSyntaxError(Code.SCHEME if is_other_scheme else Code.BAD_SYNTAX)
    scheme = parts["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise LinkSyntaxError(Code.SCHEME)
    written_host, port = split_authority(parts["authority"], DEFAULT_PORTS[scheme])
    host, address = read_host(written_host)
    link = Link(
        scheme=scheme,
        host=host,
        address=address,
        port=port,
        path=without_dot_segments(tidy(parts["path"] or "/", PATH_SAFE)),
        query=tidy(parts["query"] or "", QUERY_SAFE),
        fragment=tidy(parts["fragment"] or "", QUERY_SAFE),
    )
    if len(str(link)) > MAX_LINK_CHARACTERS:
        raise LinkSyntaxError(Code.TOO_LONG)
    return link


def refuse_bad_characters(url: str) -> None:
    if len(url) > MAX_LINK_CHARACTERS:
        raise LinkSyntaxError(Code.TOO_LONG)
    if "\\" in url or any(map(is_hidden, url)):
        raise LinkSyntaxError(Code.BAD_CHARACTERS)


def is_hidden(character: str) -> bool:
    """Say whether a character cannot be seen: control, bidi, zero-width, any space."""
    return unicodedata.category(character) in HIDDEN_CATEGORIES


def split_authority(authority: str, default_port: int) -> tuple[str, int]:
    if not authority:
        raise LinkSyntaxError(Code.BAD_SYNTAX)
    if "@" in authority:
        raise LinkSyntaxError(Code.USER_INFO)
    parts = AUTHORITY.fullmatch(authority)
    if parts is None:
        meant_as_address = BARE_IPV6.fullmatch(authority)
        raise LinkSyntaxError(Code.IP_LITERAL if meant_as_address else Code.BAD_HOST)
    if parts["port"] is None:
        return parts["host"], default_port
    if not PORT.fullmatch(parts["port"]) or int(parts["port"]) > 65_535:
        raise LinkSyntaxError(Code.PORT)
    return parts["host"], int(parts["port"])


def refuse_unwanted_host(link: Link, allow: tuple[IPNetwork, ...]) -> None:
    """Refuse what no public tool lives at: bare addresses, inside names, unusual ports."""
    if link.address is not None:
        if not is_within(link.address, allow):
            raise LinkSyntaxError(Code.IP_LITERAL)
        return
    if link.host == "localhost" and allow:
        return
    if is_reserved_name(link.host):
        raise LinkSyntaxError(Code.RESERVED_NAME)
    if link.port not in PORTS and not allow:
        raise LinkSyntaxError(Code.PORT)


def follow_reference(base: Link, reference: str) -> Link:
    """Return where a redirect from `base` leads. Raises LinkSyntaxError.

    RFC 3986, section 5.2.2; an empty reference is `base` itself. A plain space is encoded, as
    browsers do, which leaves none that a host could hold.
    """
    reference = reference.strip(" ").replace(" ", "%20")
    refuse_bad_characters(reference)
    if not reference:
        return parse_link(base.url)
    if SCHEME.match(reference):
        return parse_link(reference)
    if reference.startswith("//"):
        return parse_link(f"{base.scheme}:{reference}")
    if reference.startswith("/"):
        return parse_link(base.origin + reference)
    if reference.startswith("?"):
        return parse_link(base.origin + base.path + reference)
    if reference.startswith("#"):
        return parse_link(base.url + reference)
    folder = base.path[: base.path.rindex("/") + 1]
    return parse_link(base.origin + folder + reference)


def tidy(text: str, safe: str) -> str:
    """Write a path or query in one way: ASCII, upper-case escapes, none without need."""
    pieces = ESCAPE.split(text)
    pieces[::2] = [quote(piece, safe=safe) for piece in pieces[::2]]
    pieces[1::2] = [tidy_escape(piece) for piece in pieces[1::2]]
    return "".join(pieces)


def tidy_escape(escape: str) -> str:
    character = chr(int(escape[1:], 16))
    return character if character in UNRESERVED else escape.upper()


def without_dot_segments(path: str) -> str:
    """Resolve "." and ".." (RFC 3986, section 5.2.4) in a path that starts with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
