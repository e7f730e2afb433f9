"""Hostile input through the real web server: an answer in words every time, and never a 5xx."""

import json
import socket
from urllib.parse import quote, urlencode

import pytest

from ops.site import HOST
from submissions.models import Submission
from submissions.tests.builders import GOOD
from toolsite.tests.journeys.client import FORM, Answer, Client
from toolsite.tests.journeys.own_site import OwnSite
from toolsite.tests.journeys.people import new_board, reserved, somebody

MEGABYTE = 1_000_000
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
INCOMPLETE = urlencode(GOOD | {"name": ""}).encode()

PAGES = [
    ("/?state=abc", 200),
    ("/?state=%00", 200),
    ("/?state=free&state=reserved", 200),
    ("/tools/?page=abc", 200),
    ("/tools/?page=-1", 200),
    ("/tools/?page=99999999999999999999999", 200),
    ("/tools/?page=1e9", 200),
    ("/tools/?page=%00", 200),
    ("/tools/?page[]=1", 200),
    ("/tools/?category=<x>", 200),
    ("/tools/?category=%00", 200),
    ("/tools/?category=data&category=ops", 200),
    ("/tools/?sort='; DROP TABLE x", 200),
    ("/tools/?q=%00", 200),
    ("/tools/?q=%ff%fe", 200),
    ("/tools/?q=%ed%a0%80", 200),
    ("/tools/?q=" + "a" * 5000, 200),
    ("/tools/?q=" + "%20a" * 1000, 200),
    ("/tools/?q=%25%25%5f%5c", 200),
    ("/tools/?" + "&".join(f"x{n}=1" for n in range(500)), 400),
    ("/tools/<x>/", 404),
    ("/tools/%00/", 404),
    ("/tools/%ff/", 404),
    ("/tools/" + "a" * 3000 + "/", 404),
    ("/tools/../../etc/passwd", 404),
    ("/%ff%fe", 404),
    ("/%00", 404),
    ("//evil.example/", 404),
    ("/static/../toolsite/settings.py", 404),
    ("/static/%2e%2e/%2e%2e/manage.py", 404),
    ("/static/%00", 404),
    ("/boards/no-such-board/", 404),
    ("/boards/%00/", 404),
    ("/submissions/not-an-id/", 404),
    (f"/submissions/{UNKNOWN_ID}/", 404),
    (f"/submissions/{UNKNOWN_ID.upper()}/", 404),
    ("/accounts/login/?next=//evil.example/", 302),
    ("/accounts/login/?next=%00", 302),
    ("/accounts/confirm-email/%00/", 404),
    ("/accounts/password/reset/key/%00-%00/", 404),
    ("/admin/submissions/submission/?status=%00", 400),
]
"""What anybody can type into the address bar, and how it is answered to somebody signed in."""


@pytest.fixture
def alice(site: OwnSite) -> Client:
    return Client(site, somebody("alice"))


def assert_polite(answer: Answer, *statuses: int) -> None:
    assert answer.status in statuses, answer.text[:2000]
    if answer.status >= 400:
        assert "<h1" in answer.text
        assert "Traceback" not in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(("path", "status"), PAGES, ids=[path[:60] for path, _ in PAGES])
def test_an_address_that_makes_no_sense(alice: Client, path: str, status: int) -> None:
    new_board()

    answer = alice.get(quote(path, safe="%/?&=[]"))

    assert_polite(answer, status)
    assert "<x>" not in answer.text


@pytest.mark.parametrize(
    ("slot", "status"),
    [
        ("0", 404),
        ("7", 404),
        ("9999", 404),
        ("99999999999999999999", 404),
        ("-1", 404),
        ("3.5", 404),
        ("x", 404),
        ("%00", 404),
        ("%D9%A3", 404),
    ],
)
def test_a_slot_that_is_not_there(alice: Client, slot: str, status: int) -> None:
    board = new_board(slots=6)

    answer = alice.post(f"/boards/{board.slug}/slots/{slot}/reserve")

    assert_polite(answer, status)
    assert board.submissions.count() == 0


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"carry": "x"}, {}, 404),
        ({"carry": UNKNOWN_ID}, {}, 404),
        ({"carry": "\x00"}, {}, 404),
        ({"carry": "a" * MEGABYTE}, {}, 404),
        ({}, {"Idempotency-Key": "a" * 201}, 422),
        ({}, {"Idempotency-Key": "a b"}, 422),
        ({}, {"Idempotency-Key": "\xff"}, 422),
        ({}, {"HX-Request": "true", "HX-Target": "\xff"}, 303),
        ({}, {"Content-Type": "application/json"}, 303),
    ],
)
def test_a_reservation_with_odd_extras(
    alice: Client, fields: dict[str, str], headers: dict[str, str], status: int
) -> None:
    board = new_board()

    answer = alice.post(f"/boards/{board.slug}/slots/3/reserve", fields, headers)

    assert_polite(answer, status)
    assert board.submissions.count() == (1 if status == 303 else 0)


BAD_FIELDS = [
    *[(field, "\x00", "") for field in ("category",)],
    *[(field, text, "") for field in ("name", "link", "tagline") for text in ("", " ", "a\x00b")],
    *[(field, "x" * MEGABYTE, "") for field in (*GOOD,)],
    ("name", "a\u202eb", "invisible"),
    ("tagline", "a\ud7ff\ue000", "invisible"),
    ("description", "a\x07b", "invisible"),
    ("category", "no-such", "one of the categories"),
    ("category", "['data']", "one of the categories"),
    ("link", "javascript:alert(1)", "must begin with https"),
    ("link", "data:text/html,<script>alert(1)</script>", "must begin with https"),
    ("link", "//evil.example/", "whole web address"),
    ("link", "https://user:secret@example.com/", "user name or password"),
    ("link", "http://169.254.169.254/latest/meta-data/", "numeric address"),
    ("link", "http://[::ffff:10.0.0.1]/", "numeric address"),
    ("link", "http://2130706433/x y", "space"),
    ("link", "https://example.com\\@evil.example/", "backslash"),
]


@pytest.mark.parametrize(
    ("field", "text", "told"), BAD_FIELDS, ids=[f"{f}-{t[:24]!a}" for f, t, _ in BAD_FIELDS]
)
def test_a_detail_that_cannot_be_used_is_named(
    alice: Client, field: str, text: str, told: str
) -> None:
    submission = reserved(alice.user, new_board())  # type: ignore[arg-type]

    answer = alice.post(f"/submissions/{submission.pk}/details", GOOD | {field: text})

    assert_polite(answer, 422)
    assert f'id="id_{field}_error"' in answer.text
    assert told in answer.text
    assert "javascript:" not in "".join(answer.text.split("value=")[:1])
    assert len(answer.text) < 100_000
    assert Submission.objects.get(pk=submission.pk).status == "pending"


def multipart(parts: str) -> tuple[str, bytes]:
    return "multipart/form-data; boundary=b", parts.replace("\n", "\r\n").encode()


BODIES = {
    "JSON": ("application/json", json.dumps(GOOD).encode(), 422),
    "no type": ("", urlencode(GOOD).encode(), 422),
    "XML": ("text/xml", b"<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>", 422),
    "no UTF-8": (FORM, b"name=%ff%fe&link=%ed%a0%80&tagline=\xff\xfe", 422),
    "300 fields": (FORM, "&".join(f"x{n}=1" for n in range(300)).encode(), 400),
    "3 MB": (FORM, b"name=" + b"x" * 3 * MEGABYTE, 400),
    "only ampersands": (FORM, b"&" * 10_000, 400),
    "multipart without a boundary": ("multipart/form-data", b"--b\r\n", 400),
    "multipart that breaks off": (*multipart('--b\nContent-Disposition: form-data; name="na'), 422),
    "multipart with a file": (
        *multipart('--b\nContent-Disposition: form-data; name="name"; filename="x"\n\nx\n--b--\n'),
        422,
    ),
    "multipart in bad base64": (
        *multipart(
            '--b\nContent-Disposition: form-data; name="name"\n'
            "Content-Transfer-Encoding: base64\n\n!!!\n--b--\n"
        ),
        422,
    ),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_no_form(alice: Client, kind: str) -> None:
    submission = reserved(alice.user, new_board())  # type: ignore[arg-type]
    content_type, body, status = BODIES[kind]

    answer = alice.ask(
        "POST", f"/submissions/{submission.pk}/details", body, {"Content-Type": content_type}
    )

    assert_polite(answer, status)
    assert Submission.objects.get(pk=submission.pk).status == "pending"


@pytest.mark.parametrize("charset", ["utf-7", "no-such"])
def test_a_body_in_another_charset_is_refused_before_django_reads_it(
    alice: Client, charset: str
) -> None:
    submission = reserved(alice.user, new_board())  # type: ignore[arg-type]

    answer = alice.ask(
        "POST",
        f"/submissions/{submission.pk}/details",
        INCOMPLETE,
        {"Content-Type": f"{FORM}; charset={charset}"},
    )

    assert answer.status == 415
    assert "can only be UTF-8" in answer.text
    assert Submission.objects.get(pk=submission.pk).status == "pending"


def test_a_form_without_its_token_is_refused_in_words(site: OwnSite, alice: Client) -> None:
    board = new_board()
    alice.headers["X-CSRFToken"] = "x" * 32

    answer = alice.post(f"/boards/{board.slug}/slots/3/reserve")

    assert_polite(answer, 403)
    assert "could not be trusted" in answer.text
    assert board.submissions.count() == 0


def test_a_form_from_another_site_is_refused(alice: Client) -> None:
    board = new_board()

    answer = alice.post(
        f"/boards/{board.slug}/slots/3/reserve", headers={"Origin": "https://evil.example"}
    )

    assert_polite(answer, 403)
    assert board.submissions.count() == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize(
    "path", ["/", "/boards/{slug}/slots/3/reserve", "/submissions/{id}/details", "/tools/"]
)
def test_a_method_that_is_not_meant(alice: Client, method: str, path: str) -> None:
    board = new_board()
    submission = reserved(alice.user, board)  # type: ignore[arg-type]

    answer = alice.ask(method, path.format(slug=board.slug, id=submission.pk))

    looked_at = 200 if path in {"/", "/tools/"} else 302
    assert answer.status == (looked_at if method in {"GET", "HEAD"} else 405)
    assert method != "HEAD" or answer.text == ""
    assert board.submissions.count() == 1


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /\xff\xfe HTTP/1.1",
        b"GET /tools/?q=\xff\xfe HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET http://evil.example/ HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1",
        b"GET / HTTP/9.9",
        b"nonsense",
    ],
    ids=lambda line: repr(line[:30]),
)
def test_a_request_that_no_browser_sends(site: OwnSite, request_line: bytes) -> None:
    new_board()
    with socket.create_connection((HOST, site.port), timeout=10) as connection:
        connection.sendall(request_line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = connection.makefile("rb").readline()

    assert answer == b"" or 200 <= int(answer.split()[1]) < 500
    assert site.status("/") == 200


@pytest.mark.parametrize("host", ["evil.example", "", "a b", "x" * 5000])
def test_another_sites_name_in_the_request(alice: Client, host: str) -> None:
    answer = alice.ask("GET", "/", headers={"Host": host})

    assert answer.status == 400
    assert "Traceback" not in answer.text
