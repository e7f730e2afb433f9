"""Something is done to one run: the page asks, then it is done, then the run's page shows what came of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from workflows.console import kept_counts
from workflows.console.access import steerers_only
from workflows.console.deeds import OFFERED
from workflows.console.page import show
from workflows.console.reading import read_run
from workflows.console.story import shown
from workflows.models import Run
from workflows.ui.confirm import NotDone

CONFLICT = 409


@require_http_methods(["GET", "HEAD", "POST"])
@steerers_only
def act(request: HttpRequest, run_id: UUID, verb: str) -> HttpResponse:
    """Ask before something is done to a run, or do it."""
    offered = OFFERED.get(verb)
    if offered is None:
        raise Http404
    run = get_object_or_404(Run, pk=run_id)
    asked = request.POST if request.method == "POST" else None
    form = offered.form_class(asked, initial=_suggested(request, run))
    problem = offered.why_not(run)
    if asked is not None and not problem and form.is_valid():
        try:
            next_run = offered.do(run, request.user.get_username(), form.cleaned_data)
        except NotDone as refused:
            problem = str(refused)
        else:
            kept_counts.forget()
            messages.success(request, f"{offered.label}: done.", fail_silently=True)
            return HttpResponseRedirect(reverse("workflows_console:run", args=[next_run]))
    view = read_run(run_id)
    facts: dict[str, Any] = {
        "run": view,
        "input": shown(view.input),
        "offered": offered,
        "form": form,
        "problem": problem,
        "is_refused": bool(offered.why_not(run)),
    }
    return show(request, "act.html", "runs", status=CONFLICT if problem else 200, **facts)


def _suggested(request: HttpRequest, run: Run) -> dict[str, Any]:
    awaited = [name for name in run.waiting_for if ":" not in name]
    return {"at": request.GET.get("at"), "name": awaited[0] if awaited else ""}
