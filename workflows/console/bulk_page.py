"""Something is done to many runs: the chosen ones, or all that match. The filter travels along and is asked again
for each run, so that a page that is old hits nothing that has moved on."""

import time
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from workflows import api
from workflows.api import RunFilter
from workflows.console import kept_counts
from workflows.console.access import steerers_only
from workflows.console.deeds import BULK, OFFERED, VIA
from workflows.console.filter_form import FilterForm, address_of, address_of_filter
from workflows.console.look import way_back
from workflows.console.page import show

BATCH = 100
SECONDS_PER_REQUEST = 3.0
"""Then the page tells how far it has come, and goes on."""
MOST_REASONS = 20
_SALT = "workflows.console.bulk"


@require_POST
@steerers_only
def ask(request: HttpRequest) -> HttpResponse:
    """Count exactly what would be hit, and ask."""
    verb, form = _verb(request), FilterForm(request.POST)
    chosen = request.POST.getlist("run")
    if not chosen and "all" not in request.POST:
        return _back(request, "Choose runs, or all that match; nothing was changed.")
    if not form.is_valid():
        return _back(request, "The filter cannot be read; nothing was changed.")
    wanted = form.wanted()
    wanted.setdefault("created_before", timezone.now())
    try:
        if "all" not in request.POST:
            wanted["id"] = [UUID(each) for each in chosen]
        counted = api.steer_runs(verb, dry_run=True, **wanted)
    except (api.RequestError, ValueError) as refused:
        return _back(request, f"{refused}; nothing was changed.")
    facts = _facts(verb, wanted, FilterForm(dict_of(wanted)))
    begun = {"matched": counted.matched, "done": 0, "refused": 0, "reasons": {}}
    return show(
        request, "bulk_ask.html", "runs", count=counted.matched, progress=_kept(begun), **facts
    )


@require_POST
@steerers_only
def work(request: HttpRequest) -> HttpResponse:
    """Do it to as many as fit into a few seconds, then tell how far it has come, or what came of it."""
    verb, form = _verb(request), FilterForm(request.POST)
    if not form.is_valid():
        raise Http404
    try:
        told: dict[str, Any] = signing.loads(request.POST.get("progress", ""), salt=_SALT)
    except signing.BadSignature:
        raise Http404 from None
    wanted, after = form.wanted(), request.POST.get("after") or None
    reason = request.POST.get("reason", "")[:500]
    by, until = request.user.get_username(), time.monotonic() + SECONDS_PER_REQUEST
    try:
        while batch := api.list_runs(limit=BATCH, after=after, **wanted):
            only = cast(RunFilter, {**wanted, "id": [run.id for run in batch]})
            _add(told, api.steer_runs(verb, by=by, reason=reason, via=VIA, **only))
            after = str(batch[-1].id)
            if len(batch) < BATCH or time.monotonic() > until:
                break
    except api.RunNotFound:
        return _back(request, "A run on the way was pruned; choose again what is left.")
    kept_counts.forget()
    facts = _facts(verb, wanted, form) | {"told": told, "reason": reason, "after": after}
    if len(batch) == BATCH:
        return show(request, "bulk_work.html", "runs", progress=_kept(told), **facts)
    left = max(0, told["matched"] - told["done"] - told["refused"])
    return show(request, "bulk_done.html", "runs", moved_on=left, **facts)


def dict_of(wanted: RunFilter) -> dict[str, Any]:
    """Return a filter as the data of a FilterForm."""
    fields = address_of_filter(wanted)
    states = [value for name, value in fields if name == "state"]
    return {**dict(fields), "state": states}


def _verb(request: HttpRequest) -> str:
    verb = request.POST.get("verb", "")
    if verb not in BULK:
        raise Http404
    return verb


def _add(told: dict[str, Any], steered: api.Steered) -> None:
    told["done"] += steered.done
    told["refused"] += steered.refused
    reasons = told["reasons"]
    for reason, count in steered.reasons.items():
        if reason in reasons or len(reasons) < MOST_REASONS:
            reasons[reason] = reasons.get(reason, 0) + count


def _kept(told: dict[str, Any]) -> str:
    return signing.dumps(told, salt=_SALT)


def _facts(verb: str, wanted: RunFilter, form: FilterForm) -> dict[str, Any]:
    data = dict_of(wanted)
    return {
        "verb": verb,
        "offered": OFFERED[verb],
        "fields": address_of_filter(wanted),
        "said": form.said(),
        "states": data["state"],
        "list": f"?{address_of(data, created_before=None, id=None, state=None)}",
    }


def _back(request: HttpRequest, problem: str) -> HttpResponse:
    messages.error(request, problem, fail_silently=True)
    return HttpResponseRedirect(way_back(request))
