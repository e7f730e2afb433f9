"""A run: why it is where it is, what it did and when, and what belongs to it."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from workflows import api
from workflows.api import HistoryEntry, RunView
from workflows.conf import conf
from workflows.console.access import may_steer, operators_only
from workflows.console.deeds import OFFERED, Offered
from workflows.console.diagram import diagram_of
from workflows.console.gantt import gantt_of
from workflows.console.page import show, wants_part
from workflows.console.reading import read_history, read_run
from workflows.console.related import family_of, unread_events
from workflows.console.story import PAGE, plain_line, shown, story_of, who_did_what
from workflows.engine.requests.listing import steps_of

STOP_POLLING = 286
"""What htmx takes for the end."""
MOST_STEPS = 100


@require_safe
@operators_only
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show all of a run, or the part of it that moves."""
    view, now = read_run(run_id), timezone.now()
    lines = read_history(run_id)
    steps = steps_of(view, lines)
    facts: dict[str, Any] = {
        "run": view,
        "why": api.why(view, decrypt=conf().admin_decrypts),
        "age": now - view.created_at,
        "took": view.duration or (now - view.started_at if view.started_at else None),
        "steps": steps[-MOST_STEPS:],
        "steps_left_out": max(0, len(steps) - MOST_STEPS),
        "done": sum(step.state == api.StepState.COMPLETED for step in steps),
        "of": len(steps),
        "gantt": gantt_of(view, lines, steps, now, whole=request.GET.get("times") == "all"),
        "diagram": diagram_of(view, steps, lines),
        "lines_in_all": len(lines),
        "error": shown(view.error),
        "heartbeat": shown(view.heartbeat),
        "progress": view.progress,
    }
    if wants_part(request):
        status = STOP_POLLING if view.is_over else 200
        return show(request, "_run.html", "runs", status=status, **facts)
    facts |= _page_of_history(request, lines)
    facts |= {"values": _values(view), "family": family_of(view), "unread": unread_events(view)}
    facts["offers"] = _offers(request, view)
    return show(request, "run.html", "runs", deeds=who_did_what(lines), **facts)


@require_safe
@operators_only
def value(request: HttpRequest, run_id: UUID, part: str) -> HttpResponse:
    """Hand out a part of a run as JSON, for a file or the clipboard."""
    if part == "history":
        return _file(run_id, part, [plain_line(line) for line in read_history(run_id)])
    if part not in PARTS:
        raise Http404
    return _file(run_id, part, shown(getattr(read_run(run_id), part)))


@require_safe
@operators_only
def line(request: HttpRequest, run_id: UUID, line_id: int) -> HttpResponse:
    """Hand out a line of history as JSON."""
    found = next((each for each in read_history(run_id) if each.id == line_id), None)
    if found is None:
        raise Http404
    return _file(run_id, f"line-{line_id}", plain_line(found))


def _offers(request: HttpRequest, view: RunView) -> list[tuple[str, Offered]]:
    if not may_steer(request):
        return []
    return [(name, each) for name, each in OFFERED.items() if not each.why_not(view)]


def _file(run_id: UUID, name: str, content: Any) -> HttpResponse:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    answer = HttpResponse(text, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{run_id}-{name}.json"'
    return answer


PARTS: Mapping[str, str] = {
    "input": "Input",
    "output": "Output",
    "error": "Error",
    "data": "Data",
    "attributes": "Attributes",
    "baggage": "Baggage",
}


def _values(view: RunView) -> list[tuple[str, str, Any]]:
    found = [(name, words, shown(getattr(view, name))) for name, words in PARTS.items()]
    always = {"input", "output"} if view.is_over else {"input"}
    return [each for each in found if each[0] in always or each[2] not in (None, {})]


def _page_of_history(request: HttpRequest, lines: list[HistoryEntry]) -> dict[str, Any]:
    before = request.GET.get("before", "")
    older = [line for line in lines if line.id < int(before)] if before.isdecimal() else lines
    page = older[-PAGE:]
    return {
        "story": story_of(page),
        "older": page[0].id if len(older) > PAGE else None,
        "is_first_page": older is lines,
    }
