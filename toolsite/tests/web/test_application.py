"""One request through the application, as granian would call it."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from toolsite.tests.web.asgi_client import Wire, scope
from toolsite.tests.web.loop import run
from toolsite.web.application import WebApplication
from toolsite.web.request_reader import MAX_BODY_BYTES
from toolsite.web.threads import Threads


def echo(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise LookupError("nothing here")
    start_response("200 OK", [("Set-Cookie", " a=1"), ("Set-Cookie", "b=2")])
    yield b"got "
    yield environ["wsgi.input"].read()


def visit(wire: Wire, path: str = "/", **options: Any) -> None:
    threads = Threads(echo, threads=1, express_paths=["/healthz"])
    run(WebApplication(threads)(scope(path, **options), wire.receive, wire.send))


def test_a_response_that_comes_in_parts_is_sent_whole() -> None:
    wire = Wire(b"a ", b"form")

    visit(wire, method="POST")

    assert (wire.status, wire.sent[1]["body"]) == (200, b"got a form")
    assert wire.sent[0]["headers"] == [
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"10"),
    ]


def test_a_body_that_is_refused_never_reaches_the_site_and_ends_the_connection() -> None:
    wire = Wire()

    visit(wire, headers=[(b"content-length", str(MAX_BODY_BYTES + 1).encode())])

    assert wire.status == 413
    assert (b"connection", b"close") in wire.sent[0]["headers"]


def test_a_body_that_breaks_off_is_a_400_whether_or_not_somebody_hears_it() -> None:
    wire = Wire(b"half", gone=True)

    visit(wire)

    assert wire.status == 400
    assert b"breaks off" in wire.sent[1]["body"]


def test_an_error_outside_of_django_is_a_plain_500() -> None:
    wire = Wire()

    visit(wire, "/broken")

    assert (wire.status, b"LookupError" in wire.sent[1]["body"]) == (500, False)
