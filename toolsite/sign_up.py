"""The sign-up form, which one address may send only so often."""

from allauth.account.views import signup
from django.http import HttpResponseBase

from submissions import limits
from submissions.asker import where_from
from submissions.http import SiteRequest, refusals_as_pages


@refusals_as_pages
def sign_up(request: SiteRequest) -> HttpResponseBase:
    """Answer as allauth does, or with 429. A form with faults counts too: it asks as much of us."""
    if request.method == "POST":
        limits.count(where_from(request), limits.Deed.SIGN_UP)
    answer: HttpResponseBase = signup(request)
    return answer
