"""The head of an answer: its final status line and the few headers that we read.

`http.client` gives up at the hundredth header and at a line of 64 kB, takes most interim answers
for final ones, and headers that break off for complete ones. So the head is read here, within one
limit for all of it, and handed on with nothing but the lines that matter.
"""

import io
import re

from submissions.link_check.bounds import MAX_HEADER_BYTES, EnoughRead
from submissions.link_check.verdict import Code, LinkFault

READ_HEADERS = frozenset(
    {
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"location",
        b"retry-after",
        b"set-cookie",
        b"transfer-encoding",
        # By these, walls against robots say what they did.
        b"cf-mitigated",
        b"x-amzn-waf-action",
        b"x-vercel-mitigated",
    }
)
MAX_KEPT_LINES = 80
MAX_KEPT_BYTES = 8 * 1024
"""Of one line: more than any of them may mean."""
PIECE_BYTES = 4 * 1024

MAX_INTERIM_ANSWERS = 20
# RFC 9110, section 15.2: a client skips any 1xx answer it did not expect. 101 ends HTTP.
INTERIM = re.compile(rb"HTTP/\S+\s+1(?!01)[0-9]{2}\s")


def read_head(stream: io.BufferedReader) -> bytes:
    """Return the final answer's head in its shortest form. Raises LinkFault."""
    lines = HeadLines(stream)
    for _ in range(MAX_INTERIM_ANSWERS + 1):
        status_line = lines.read_status()
        headers = lines.read_headers()
        if not INTERIM.match(status_line):
            return b"".join([status_line, *headers, b"\r\n"])
    raise LinkFault(Code.BAD_HTTP)


class HeadLines:
    """The lines of a head, counted; of each, as much is kept as can be of use."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._bytes_left = MAX_HEADER_BYTES

    def read_status(self) -> bytes:
        """Return a status line. Raises LinkFault where there is none."""
        try:
            line = self._stream.readline(MAX_KEPT_BYTES)
        except EnoughRead:
            raise LinkFault(Code.BAD_HTTP) from None
        if not line:
            raise LinkFault(Code.CONNECTION_LOST)
        if not line.startswith(b"HTTP/") or len(line) == MAX_KEPT_BYTES:
            raise LinkFault(Code.BAD_HTTP)
        if not line.endswith(b"\n"):
            raise LinkFault(Code.CONNECTION_LOST)
        self._count(line)
        return line

    def read_headers(self) -> list[bytes]:
        """Return the headers that we read, each on one line, up to the empty line."""
        kept: list[bytes] = []
        is_kept = False
        while line := self._read_line().rstrip(b"\r\n"):
            name, colon, value = line.partition(b":")
            if line[:1] in b" \t":
                # A header that goes on (RFC 9112, section 5.2).
                if is_kept and len(kept[-1]) < MAX_KEPT_BYTES:
                    kept[-1] = kept[-1].rstrip() + b" " + tidy(line) + b"\r\n"
                continue
            is_kept = bool(colon) and name.lower() in READ_HEADERS and len(kept) < MAX_KEPT_LINES
            if is_kept:
                kept.append(name + b": " + tidy(value) + b"\r\n")
        return kept

    def _read_line(self) -> bytes:
        kept = b""
        while True:
            try:
                piece = self._stream.readline(PIECE_BYTES)
            except EnoughRead:
                raise LinkFault(Code.HEADERS_TOO_LARGE) from None
            self._count(piece)
            if len(kept) < MAX_KEPT_BYTES:
                kept += piece
            if piece.endswith(b"\n"):
                return kept
            if len(piece) < PIECE_BYTES:
                raise LinkFault(Code.CONNECTION_LOST)

    def _count(self, piece: bytes) -> None:
        self._bytes_left -= len(piece)
        if self._bytes_left < 0:
            raise LinkFault(Code.HEADERS_TOO_LARGE)


def tidy(value: bytes) -> bytes:
    """Return a header's value without what could end its line."""
    return value.replace(b"\r", b" ").replace(b"\0", b" ").strip(b" \t")
