"""Is there a page in the answer? Reads a bounded part of it and looks for content and a title."""

import contextlib
import html
import zlib

import requests
from urllib3.response import BaseHTTPResponse

from submissions.link_check.bounds import MAX_PAGE_BYTES, EnoughRead
from submissions.link_check.parse import is_hidden
from submissions.link_check.verdict import Code, LinkFault

# No coding at all, by its name or by a common mistake: browsers take the page as it is.
NO_CODING = frozenset({"", "identity", "none", "utf-8", "utf8", "binary", "8bit", "7bit"})

CHUNK_BYTES = 16 * 1024
SNIFFED_BYTES = 1_445
MAX_TITLE_BYTES = 1_000
MAX_TITLE_CHARACTERS = 120

PAGE_TYPES = frozenset(
    {
        "",
        "application/javascript",
        "application/json",
        "application/xhtml+xml",
        "application/xml",
    }
)
PAGE_SUFFIXES = ("+json", "+xml")

# The MIME Sniffing Standard's "binary data bytes": none of them occurs in a text.
BINARY = bytes({*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)})
MAX_STRAY_SHARE = 0.03
"""Of the bytes of what is declared a text. In packed data, every tenth byte is a binary one."""
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_page(response: requests.Response) -> str | None:
    """Return the page's title, if it has one. Raises LinkFault where there is no page."""
    content_type = response.headers.get("Content-Type", "").lower()
    if not is_page_type(content_type.partition(";")[0].strip()):
        raise LinkFault(Code.NOT_A_PAGE)
    page = unpack(read_raw(response.raw), response.headers.get("Content-Encoding", ""))
    if not page.strip():
        raise LinkFault(Code.EMPTY)
    if looks_binary(page[:SNIFFED_BYTES], content_type):
        raise LinkFault(Code.NOT_A_PAGE)
    return find_title(page)


def is_page_type(media_type: str) -> bool:
    if media_type == "image/svg+xml":
        return False
    is_text = media_type.startswith("text/") or media_type.endswith(PAGE_SUFFIXES)
    return is_text or media_type in PAGE_TYPES


def read_raw(stream: BaseHTTPResponse) -> bytes:
    """Return what came, up to the limit. Raises LinkFault where that is framing only."""
    pieces: list[bytes] = []
    try:
        while piece := stream.read1(CHUNK_BYTES, decode_content=False):
            pieces.append(piece)
    except EnoughRead:
        if not pieces:
            raise LinkFault(Code.BAD_HTTP) from None
    return b"".join(pieces)


def unpack(raw: bytes, encoding: str) -> bytes:
    """Undo one layer of gzip or deflate, never past MAX_PAGE_BYTES. Raises LinkFault."""
    layers = [
        each for each in encoding.replace(" ", "").lower().split(",") if each not in NO_CODING
    ]
    if not raw or not layers:
        return raw
    match layers:
        case ["gzip" | "x-gzip"]:
            return inflate_members(raw)
        case ["deflate"]:
            return inflate(raw)
        case _:
            raise LinkFault(Code.UNREADABLE)


def inflate_members(raw: bytes) -> bytes:
    """Undo gzip, whose members follow one another (RFC 1952, section 2.2); the first may be empty.

    What is no member ends it, as padding does.
    """
    page, rest = b"", raw
    while rest and len(page) < MAX_PAGE_BYTES:
        member = zlib.decompressobj(31)
        try:
            page += member.decompress(rest, MAX_PAGE_BYTES - len(page))
        except zlib.error:
            if rest is raw:
                raise LinkFault(Code.UNREADABLE) from None
            break
        rest = member.unused_data
    return page


def inflate(raw: bytes) -> bytes:
    """Undo deflate: with a zlib header as the RFC says, or without as many servers do."""
    for window in (15, -15):
        with contextlib.suppress(zlib.error):
            return zlib.decompressobj(window).decompress(raw, MAX_PAGE_BYTES)
    raise LinkFault(Code.UNREADABLE)


def looks_binary(start: bytes, content_type: str) -> bool:
    """Say whether the bytes are no text; what is declared one may hold a few strays."""
    if start.startswith(UTF16_MARKS) or "utf-16" in content_type:
        return False
    strays = len(start) - len(start.translate(None, BINARY))
    if not content_type:
        return strays > 0
    return strays > max(1, len(start) * MAX_STRAY_SHARE)


def find_title(page: bytes) -> str | None:
    """Return the text of the first title, by plain searches whose cost grows with the page only.

    A regular expression over a stranger's page can be made to take minutes.
    """
    start = page.lower().find(b"<title")
    opened = page.find(b">", start, start + MAX_TITLE_BYTES)
    if start < 0 or opened < 0:
        return None
    text = page[opened + 1 : opened + 1 + MAX_TITLE_BYTES]
    ends = text.find(b"<")
    words = html.unescape(text[: max(ends, 0)].decode("utf-8", "replace")).split()
    seen = (each for each in " ".join(words) if each == " " or not is_hidden(each))
    return "".join(seen)[:MAX_TITLE_CHARACTERS].strip() or None
