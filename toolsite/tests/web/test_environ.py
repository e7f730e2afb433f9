"""What a request becomes for Django."""

from toolsite.tests.web.asgi_client import scope
from toolsite.web.environ import header_variables, wsgi_environ


def test_a_path_keeps_its_bytes() -> None:
    environ = wsgi_environ(scope("/caf%C3%A9%2Fx%ff?q=%20"), b"")

    assert environ["PATH_INFO"].encode("latin-1") == b"/caf\xc3\xa9/x\xff"
    assert environ["QUERY_STRING"] == "q=%20"
    assert environ["REMOTE_ADDR"] == "192.0.2.7"


def test_the_body_has_its_own_length_whatever_the_headers_said() -> None:
    sent = [(b"content-length", b"99"), (b"transfer-encoding", b"chunked")]

    environ = wsgi_environ(scope(headers=sent), b"abc")

    assert (environ["CONTENT_LENGTH"], environ["wsgi.input"].read()) == ("3", b"abc")
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ


def test_headers_that_come_twice_are_joined() -> None:
    variables = header_variables(
        [
            (b"x-forwarded-for", b"1"),
            (b"cookie", b"a=1"),
            (b"x-forwarded-for", b"2"),
            (b"cookie", b"b=2"),
            (b"content-type", b"text/plain"),
        ]
    )

    assert variables == {
        "HTTP_X_FORWARDED_FOR": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "CONTENT_TYPE": "text/plain",
    }


def test_an_underscore_does_not_pass_for_a_header_of_the_proxys() -> None:
    assert header_variables([(b"x_forwarded_proto", b"https")]) == {}


def test_what_is_not_ascii_arrives_as_its_bytes() -> None:
    assert header_variables([(b"idempotency-key", b"\xc3\xa9")]) == {"HTTP_IDEMPOTENCY_KEY": "Ã©"}
