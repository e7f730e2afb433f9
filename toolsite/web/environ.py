"""A request as WSGI tells it (PEP 3333): text is bytes read as latin-1."""

import io
import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from toolsite.web.messages import RawHeaders, Scope

NOT_PASSED_ON = {"CONTENT_LENGTH", "TRANSFER_ENCODING"}
"""They spoke of the body on its way; what is handed on is whole and has its own length."""


def wsgi_environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return what a WSGI application is called with."""
    host, port = scope["server"] or ("", None)
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "REMOTE_ADDR": (scope["client"] or ("",))[0],
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **header_variables(scope["headers"]),
    }


def header_variables(headers: RawHeaders) -> dict[str, str]:
    """Return the headers by their names in WSGI. What came twice is joined.

    A name with an underscore is left out: `X_Forwarded_For` would pass for the proxy's own
    `X-Forwarded-For`, which the proxy has replaced and this one it has not.
    """
    variables: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if b"_" in raw_name:
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        if name in NOT_PASSED_ON:
            continue
        if name != "CONTENT_TYPE":
            name = f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        if name in variables:
            value = f"{variables[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{value}"
        variables[name] = value
    return variables
