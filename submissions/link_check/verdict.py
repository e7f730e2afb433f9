"""What a link check can say: outcomes, codes, and the sentence a maker reads for each.

LinkSyntaxError   the link is refused as it is written; known without any network
LinkFault         the link cannot be approved now; raised inside a check, never out of it
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What the submission's flow does next."""

    VALID = "valid"
    """A page answered; the link is good."""

    INVALID = "invalid"
    """Trying again would not help; the maker has to change something."""

    ASK_A_PERSON = "ask_a_person"
    """The site lets no machine in; a person may see what the check cannot."""

    TRY_AGAIN = "try_again"
    """The fault may pass by itself."""


class Code(StrEnum):
    """Why, in one stable word."""

    OK = "ok"

    TOO_LONG = "too_long"
    BAD_CHARACTERS = "bad_characters"
    BAD_SYNTAX = "bad_syntax"
    SCHEME = "scheme"
    USER_INFO = "user_info"
    BAD_HOST = "bad_host"
    IP_LITERAL = "ip_literal"
    RESERVED_NAME = "reserved_name"
    PORT = "port"

    PRIVATE_ADDRESS = "private_address"
    NO_SUCH_HOST = "no_such_host"
    BAD_CERTIFICATE = "bad_certificate"
    CLIENT_CERTIFICATE = "client_certificate"
    TLS_FAILED = "tls_failed"
    REDIRECT_LOOP = "redirect_loop"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_REDIRECT = "bad_redirect"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    BOT_WALL = "bot_wall"
    CLIENT_ERROR = "client_error"
    UNEXPECTED_STATUS = "unexpected_status"
    BAD_HTTP = "bad_http"
    HEADERS_TOO_LARGE = "headers_too_large"
    EMPTY = "empty"
    NOT_A_PAGE = "not_a_page"
    UNREADABLE = "unreadable"

    RESOLVER_FAILED = "resolver_failed"
    RESOLVER_BUSY = "resolver_busy"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    CONNECTION_LOST = "connection_lost"
    TOO_SLOW = "too_slow"
    NOT_READY = "not_ready"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"


TRY_AGAIN_CODES = frozenset(
    {
        Code.RESOLVER_FAILED,
        Code.RESOLVER_BUSY,
        Code.CONNECTION_REFUSED,
        Code.UNREACHABLE,
        Code.CONNECTION_LOST,
        Code.TOO_SLOW,
        Code.NOT_READY,
        Code.RATE_LIMITED,
        Code.SERVER_ERROR,
    }
)

ASK_A_PERSON_CODES = frozenset({Code.FORBIDDEN, Code.BOT_WALL})

SYNTAX_CODES = frozenset(
    {
        Code.TOO_LONG,
        Code.BAD_CHARACTERS,
        Code.BAD_SYNTAX,
        Code.SCHEME,
        Code.USER_INFO,
        Code.BAD_HOST,
        Code.IP_LITERAL,
        Code.RESERVED_NAME,
        Code.PORT,
    }
)

# One sentence for both: else anybody could ask us which names exist inside our network.
NO_PUBLIC_SITE = (
    "the link's domain name leads to no site on the public internet; check its spelling."
)

SENTENCES: dict[Code, str] = {
    Code.OK: "the link works.",
    Code.TOO_LONG: "the link is longer than 2,048 characters; use a shorter one.",
    Code.BAD_CHARACTERS: (
        "the link holds a space, a backslash or an invisible character;"
        " copy it again from the browser's address bar."
    ),
    Code.BAD_SYNTAX: (
        "this is not a whole web address; write it as https://tool.example.com/page."
    ),
    Code.SCHEME: "only web addresses are accepted; the link must begin with https:// or http://.",
    Code.USER_INFO: (
        "the link holds a user name or password before an @ sign; remove everything up to the @."
    ),
    Code.BAD_HOST: "the link's host name is not written correctly; check its spelling.",
    Code.IP_LITERAL: "the link names a numeric address; use the site's domain name instead.",
    Code.RESERVED_NAME: (
        "the link's host name works only inside a private network; use a public domain name."
    ),
    Code.PORT: "the link's port is not accepted; use 80, 443, 8080 or 8443, or leave it out.",
    Code.PRIVATE_ADDRESS: NO_PUBLIC_SITE,
    Code.NO_SUCH_HOST: NO_PUBLIC_SITE,
    Code.BAD_CERTIFICATE: (
        "the site's security certificate is not valid for this link;"
        " renew or correct the certificate, then submit again."
    ),
    Code.CLIENT_CERTIFICATE: (
        "the site asks visitors for a certificate of their own;"
        " submit a page that opens without one."
    ),
    Code.TLS_FAILED: (
        "no secure connection could be made to the site;"
        " check that it serves https at this address."
    ),
    Code.REDIRECT_LOOP: "the link redirects in a circle; submit the page's final address.",
    Code.TOO_MANY_REDIRECTS: (
        "the link redirects more than five times; submit the page's final address."
    ),
    Code.BAD_REDIRECT: (
        "the site redirects without saying clearly where to; submit the page's final address."
    ),
    Code.NOT_FOUND: "the site says that there is no such page; check the link.",
    Code.FORBIDDEN: (
        "the site does not let our check in; submit a page that opens for everybody who asks."
    ),
    Code.BOT_WALL: (
        "the site asks visitors to prove that they are no robots, which our check cannot do;"
        " let it through, or submit a page that opens at once."
    ),
    Code.CLIENT_ERROR: "the site refuses to show this page; check the link.",
    Code.UNEXPECTED_STATUS: "the site answers with something other than a page; check the link.",
    Code.BAD_HTTP: (
        "what answers at this address does not speak as a web server should; check the link."
    ),
    Code.HEADERS_TOO_LARGE: (
        "the site's answer begins with more than 128 kB of headers;"
        " check its cookies and policies, and make them smaller."
    ),
    Code.EMPTY: "the page is empty; submit a page with something on it.",
    Code.NOT_A_PAGE: (
        "the link leads to a file rather than a page; submit the page that presents the tool."
    ),
    Code.UNREADABLE: (
        "the page is packed in a way that cannot be read; check the site's compression settings."
    ),
    Code.RESOLVER_FAILED: (
        "the link's domain name could not be looked up; check the domain's name servers."
    ),
    Code.RESOLVER_BUSY: "too many look-ups were under way; nothing needs to be changed.",
    Code.CONNECTION_REFUSED: "the site refuses connections; check that its server is running.",
    Code.UNREACHABLE: "the site cannot be reached; check that its server is online.",
    Code.CONNECTION_LOST: (
        "the site broke off before the page was complete; check that its server is healthy."
    ),
    Code.TOO_SLOW: "the site did not answer in time; check that its server is healthy.",
    Code.NOT_READY: "the site asks us to try again; check that its server is healthy.",
    Code.RATE_LIMITED: (
        "the site says that it gets too many requests; let our check through, or submit later."
    ),
    Code.SERVER_ERROR: "the site reports an error of its own; check that its server is healthy.",
}

SENTENCES_FOR_MODERATORS = SENTENCES | {
    Code.PRIVATE_ADDRESS: (
        "the link's domain name leads to an address that is not on the public internet,"
        " which may be one of ours; our check sent nothing there."
    ),
    Code.NO_SUCH_HOST: "the link's domain name does not exist.",
}
"""The same, but for what only those may know who see our network anyway."""


class LinkSyntaxError(ValueError):
    """The link is refused as it is written. `code` says why, `sentence` says it to the maker."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code

    @property
    def sentence(self) -> str:
        return capitalise(SENTENCES[self.code])

    def __str__(self) -> str:
        return self.sentence


class LinkFault(Exception):
    """A check ends here, with this code.

    Deliberately no OSError and no ValueError: urllib3 and requests let it pass unchanged.
    """

    def __init__(self, code: Code, retry_after_seconds: float | None = None) -> None:
        super().__init__(code, retry_after_seconds)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, kw_only=True)
class LinkVerdict:
    """How a check ended; every value can be stored as JSON."""

    outcome: Outcome
    code: Code
    status: int | None
    """The last HTTP status received, if any."""

    final_url: str | None
    """The last address that answered, if any."""

    retry_after_seconds: float | None
    """How long the site asked us to wait, between 1 s and 1 h; None if it did not say."""

    seconds: float
    """How long the check took."""

    hops: tuple[str, ...]
    """The addresses visited, in order."""

    title: str | None
    """The page's title as plain text without markup, for people to recognise it."""


def outcome_of(code: Code) -> Outcome:
    if code is Code.OK:
        return Outcome.VALID
    if code in ASK_A_PERSON_CODES:
        return Outcome.ASK_A_PERSON
    return Outcome.TRY_AGAIN if code in TRY_AGAIN_CODES else Outcome.INVALID


def explain(verdict: LinkVerdict) -> str:
    """Say the verdict in one sentence the maker can act on."""
    return in_one_sentence(verdict, SENTENCES[verdict.code])


def explain_to_moderators(verdict: LinkVerdict) -> str:
    """Say the verdict in one sentence for those who may know more than the maker."""
    return in_one_sentence(verdict, SENTENCES_FOR_MODERATORS[verdict.code])


def in_one_sentence(verdict: LinkVerdict, sentence: str) -> str:
    if verdict.code is Code.OK:
        return capitalise(sentence)
    if len(verdict.hops) > 1:
        host = verdict.hops[-1].split("/")[2]
        sentence = f"after a redirect to {host}, {sentence}"
    elif verdict.code in SYNTAX_CODES and verdict.status is not None:
        sentence = f"the link redirects to another one, and {sentence}"
    return capitalise(sentence)


def capitalise(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
