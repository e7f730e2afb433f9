"""The page that Prometheus reads."""

import hmac
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from workflows.conf import conf
from workflows.metrics.registry import registry_of

REFUSED = "Not for you: send the setting metrics_token as a bearer token, or come from one of metrics_addresses.\n"


@require_safe
@never_cache
def metrics(request: HttpRequest, collectors: Sequence[Collector] = ()) -> HttpResponse:
    """Answer with all metrics as text, to who may read them: 403 to anybody else.

    collectors: the project's own, given in its URL table.
    """
    if not may_read(request):
        return HttpResponse(REFUSED, status=403, content_type="text/plain")
    return HttpResponse(
        generate_latest(registry_of(collectors)), content_type=CONTENT_TYPE_PLAIN_0_0_4
    )


def may_read(request: HttpRequest) -> bool:
    """Whether the request has the token, or comes from an allowed address. Without either setting: nobody."""
    return _has_token(request, conf().metrics_token) or _is_near(request)


def _has_token(request: HttpRequest, token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_it = hmac.compare_digest(given.strip().encode(), token.encode())
    return bool(token) and scheme.lower() == "bearer" and is_it


def _is_near(request: HttpRequest) -> bool:
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:  # a Unix socket's peer has none
        return False
    return any(address in ip_network(each) for each in conf().metrics_addresses)
