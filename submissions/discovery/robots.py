"""robots.txt (RFC 9309): what crawlers may leave alone."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from submissions.discovery.addresses import absolute

PRIVATE = ("/admin/", "/accounts/", "/submissions/", "/moderation/")
"""Behind the sign-in. Whoever may not read them is refused there, not here."""


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Answer with the rules and where the sitemap is."""
    searches = f"{reverse('submissions:tools')}?"
    lines = ["User-agent: *"]
    lines += [f"Disallow: {path}" for path in (*PRIVATE, searches)]
    lines += ["", f"Sitemap: {absolute(reverse('submissions:sitemap'))}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
