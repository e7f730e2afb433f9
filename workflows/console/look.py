"""Where theme and columns are chosen: a form's post, kept in a cookie."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from workflows.console.access import operators_only
from workflows.console.preferences import keep_columns, keep_theme


@require_POST
@operators_only
def look(request: HttpRequest) -> HttpResponse:
    """Keep what was chosen, and go back to the page where it was."""
    answer = HttpResponseRedirect(way_back(request))
    if "theme" in request.POST:
        keep_theme(answer, request.POST["theme"])
    if "columns" in request.POST:
        keep_columns(answer, request.POST.getlist("column"))
    return answer


def way_back(request: HttpRequest) -> str:
    """Return the page of ours that a form names, else the list of runs."""
    to = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure()):
        return to
    return reverse("workflows_console:runs")
