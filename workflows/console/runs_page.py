"""The list of runs: what a filter finds, page by page, live."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from workflows import api
from workflows.api import RunState
from workflows.conf import conf
from workflows.console.access import operators_only
from workflows.console.deeds import BULK, OFFERED
from workflows.console.filter_form import FilterForm, address_of, address_of_filter
from workflows.console.kept_counts import counted
from workflows.console.page import show, wants_part
from workflows.console.preferences import COLUMNS, columns_of
from workflows.console.run_rows import rows_of
from workflows.definitions.workflow import known_code
from workflows.store.state_counts import How, StateCount

ROWS = 50
CHIPS = {
    RunState.RUNNING: "Running",
    RunState.PENDING: "Pending",
    RunState.WAITING: "Waiting",
    RunState.PAUSED: "Paused",
    RunState.BLOCKED: "Blocked",
    RunState.FAILED: "Failed",
    RunState.CANCELLING: "Cancelling",
    RunState.COMPENSATING: "Compensating",
    RunState.COMPLETED: "Completed",
    RunState.CANCELLED: "Cancelled",
    RunState.COMPENSATED: "Compensated",
}
_SHORT_LIVED = {RunState.CANCELLING, RunState.COMPENSATING}
"""Shown only where there are any."""


@require_safe
@operators_only
def runs(request: HttpRequest) -> HttpResponse:
    """Show a page of runs, or its live part."""
    if sought := request.GET.get("q", "").strip():
        return HttpResponseRedirect(
            f"{reverse('workflows_console:runs')}?{_meant(request, sought)}"
        )
    form = FilterForm(request.GET)
    facts: dict[str, Any] = {"form": form, "rows": [], "chips": [], "problem": "", "more": ""}
    if form.is_valid():
        try:
            facts |= _found(request, form)
        except api.RequestError as refused:
            facts["problem"] = f"{refused}."
    else:
        facts["problem"] = "The filter says what cannot be read; see below."
    facts |= _around(request, form)
    template = "_runs.html" if wants_part(request) else "runs.html"
    return show(request, template, "runs", **facts)


def _found(request: HttpRequest, form: FilterForm) -> dict[str, Any]:
    wanted = form.wanted()
    after = request.GET.get("after") or None
    found = api.list_runs(limit=ROWS + 1, after=after, decrypt=conf().admin_decrypts, **wanted)
    page = found[:ROWS]
    return {
        "rows": rows_of(page, timezone.now()),
        "chips": _chips(request.GET, form),
        "filter_fields": address_of_filter(wanted),
        "more": _with(request.GET, after=page[-1].id) if len(found) > ROWS else "",
    }


def _around(request: HttpRequest, form: FilterForm) -> dict[str, Any]:
    chosen = columns_of(request)
    return {
        "columns": chosen,
        "all_columns": [(name, words, name in chosen) for name, words in COLUMNS.items()],
        "said": form.said(),
        "states": request.GET.getlist("state"),
        "bulk": [(name, OFFERED[name].label) for name in BULK],
        "address": _with(request.GET, after=request.GET.get("after")),
        "first_page": f"?{address_of(request.GET)}" if "after" in request.GET else "",
        "no_filter": f"?{urlencode({'state': request.GET.getlist('state')}, doseq=True)}",
        "workflow_names": sorted(set(known_code()[0])),
    }


def _chips(data: Any, form: FilterForm) -> list[dict[str, Any]]:
    chosen = set(data.getlist("state"))
    counts = counted(address_of(data, state=None), form.wanted())
    chips = [
        {
            "state": state.value,
            "words": words,
            "count": counts[state],
            "address": f"?{address_of(data, state=None if chosen == {state} else state.value)}",
            "is_chosen": state in chosen,
        }
        for state, words in CHIPS.items()
        if counts[state].runs or state not in _SHORT_LIVED
    ]
    everything = {
        "words": "All",
        "count": _sum(counts),
        "address": f"?{address_of(data, state=None)}",
        "is_chosen": not chosen,
    }
    return [everything, *chips]


def _sum(counts: Mapping[RunState, StateCount]) -> StateCount:
    worth = {count.how for count in counts.values()}
    how = next((each for each in (How.ABOUT, How.AT_LEAST) if each in worth), How.EXACT)
    return StateCount(sum(count.runs for count in counts.values()), how)


def _with(data: Any, *, after: Any) -> str:
    query = address_of(data)
    place = urlencode({"after": after}) if after else ""
    return "?" + "&".join(filter(None, [query, place]))


def _meant(request: HttpRequest, sought: str) -> str:
    """Return the filter that a word in the search box means: an id, else a key that there is, else an error."""
    try:
        return address_of(request.GET, id=str(UUID(sought)), key=None, error=None)
    except ValueError:
        pass
    name = "key" if api.list_runs(limit=1, key=sought) else "error"
    return address_of(request.GET, **{"key": None, "error": None, name: sought})
