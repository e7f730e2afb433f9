"""What operators do to runs in the Django admin: each action asks, also why, then calls the api."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from workflows import api
from workflows.models import Run
from workflows.ui.confirm import Deed, NotDone, confirm_then_act

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin

Runs = QuerySet[Run]


class WhyForm(forms.Form):
    """Asked for with every deed."""

    reason = forms.CharField(max_length=500, required=False, help_text="Kept in the history.")


class RetryForm(WhyForm):
    """Asked for with a retry."""

    deadline_seconds = forms.FloatField(
        min_value=0,
        required=False,
        help_text="From now; only where a deadline has passed, or is to be another.",
    )


class JSONOrNothing(forms.JSONField):
    """JSON that may be left out: nothing is an empty field, not the word null."""

    def prepare_value(self, value: Any) -> Any:
        """Return what stands in the field."""
        return "" if value is None else super().prepare_value(value)


class ForkForm(WhyForm):
    """Asked for with a fork."""

    at = forms.IntegerField(
        min_value=1,
        label="Position",
        help_text="The first that the fork does itself; the run's page shows them.",
    )
    input = JSONOrNothing(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text='What takes the place of the input\'s values: {"amount": 7}. Empty: nothing does.',
    )
    deadline_seconds = forms.FloatField(
        min_value=0, required=False, help_text="From now; empty: as long as the run had."
    )
    field_order = ("at", "input", "deadline_seconds", "reason")

    def clean_input(self) -> Any:
        """Take an object only."""
        given = self.cleaned_data["input"]
        if given is not None and not isinstance(given, dict):
            raise forms.ValidationError('Give an object, such as {"amount": 7}.')
        return given


def steer(
    verb: Callable[..., bool], run: Run, *, by: str, via: str, asked: Mapping[str, Any]
) -> None:
    """Call a verb of the api for somebody. Raises NotDone with the reason where nothing was done."""
    try:
        if not verb(run.pk, by=by, via=via, **asked):
            raise NotDone(f"{api.get_run(run.pk).state} is no state for it.")
    except api.RunNotFound:
        raise NotDone("no longer there.") from None
    except api.RequestError as refused_for:
        raise NotDone(f"{refused_for}.") from None


def deed(
    label: str,
    verb: Callable[..., bool],
    refused: Mapping[api.RunState, str],
    form_class: type[forms.Form] = WhyForm,
) -> Deed[Run]:
    """Return what an action does to each run: one call of the api, with the name of who asks.

    refused: by the states in which it does nothing, why that is so and what helps instead.
    """

    def refuse(run: Run) -> str:
        # A cancel of a run that went on reaches the one that goes on.
        return "" if run.continued_as else refused.get(api.RunState(run.state), "")

    def do(request: HttpRequest, run: Run, asked: dict[str, Any]) -> str:
        steer(verb, run, by=request.user.get_username(), via="admin", asked=asked)
        return ""

    return Deed(
        label=label,
        question=f"{label} these runs?",
        explanation="What is done is recorded in each run's history with your name and reason.",
        describe=lambda run: f"{run.workflow} {run.pk} ({run.state})",
        do=do,
        refuse=refuse,
        form_class=form_class,
    )


_S = api.RunState
_AGAIN = "start a new run with its input, under another key"
_DRIVEN = "a worker drives it now; wait for it, or cancel it."
_NOT_UNDONE = "only failed and cancelled runs can be undone; cancel it first."
CANCEL = deed(
    "Cancel",
    api.cancel,
    {state: f"{state} is final." for state in (_S.COMPLETED, _S.FAILED, _S.CANCELLED)}
    | {_S.COMPENSATED: "compensated is final.", _S.CANCELLING: "it is being cancelled already."}
    | {_S.COMPENSATING: "a run that is being undone cannot be cancelled."},
)
RETRY = deed(
    "Retry",
    api.retry,
    {
        _S.RUNNING: _DRIVEN,
        _S.CANCELLING: "it is being cancelled.",
        _S.PAUSED: "it is paused; resume it.",
    }
    | {_S.COMPLETED: f"completed is final; to do it again, {_AGAIN}."}
    | {_S.COMPENSATED: f"compensated is final; to do it again, {_AGAIN}."}
    | {_S.CANCELLED: f"cancelled is final; Compensate undoes its steps; to do it again, {_AGAIN}."},
    RetryForm,
)
PAUSE = deed(
    "Pause",
    api.pause,
    {state: f"{state} is final." for state in (_S.COMPLETED, _S.FAILED, _S.CANCELLED)}
    | {_S.COMPENSATED: "compensated is final.", _S.CANCELLING: "it is being cancelled."}
    | {_S.COMPENSATING: "a run that is being undone cannot be paused."}
    | {_S.BLOCKED: "nobody drives a blocked run; it goes on by a retry only."}
    | {_S.PAUSED: "it is paused already."},
)
RESUME = deed(
    "Resume",
    api.resume,
    {
        state: f"it is not paused, but {state}."
        for state in _S
        if state not in (_S.PAUSED, _S.RUNNING)
    },
)
COMPENSATE = deed(
    "Compensate",
    api.compensate,
    dict.fromkeys((_S.PENDING, _S.RUNNING, _S.WAITING, _S.PAUSED, _S.BLOCKED), _NOT_UNDONE)
    | {_S.CANCELLING: "it is being cancelled; once it has ended it can be undone."}
    | {_S.COMPLETED: "a completed run is not undone.", _S.COMPENSATED: "it is undone already."}
    | {_S.COMPENSATING: "it is being undone already."},
)


def _fork(request: HttpRequest, run: Run, asked: dict[str, Any]) -> str:
    try:
        who = request.user.get_username()
        forked = api.fork(run.pk, by=who, via="admin", **asked)
    except (api.RequestError, api.DefinitionError) as refused_for:
        raise NotDone(f"{refused_for}.") from None
    return format_html(
        'Fork: <a href="{}">{}</a> goes on from position {} of {}.',
        reverse("admin:workflows_run_change", args=[forked.id]),
        forked.id,
        asked["at"],
        run.pk,
    )


FORK: Deed[Run] = Deed(
    label="Fork",
    question="Fork this run?",
    explanation="A new run begins with what this one has done before the position, and does the rest "
    "itself, under keys of its own. This one stays as it is. The fork's history says who made it, and why.",
    describe=lambda run: f"{run.workflow} {run.pk} ({run.state})",
    do=_fork,
    form_class=ForkForm,
)


@admin.action(description="Fork", permissions=["steer"])
def fork(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask for a position, then start a run that begins as the chosen one did."""
    if len(runs[:2]) > 1:
        text = "Choose one run to fork: a position is one run's own. Nothing was changed."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    return confirm_then_act(model_admin, request, runs, FORK)


@admin.action(description="Cancel", permissions=["steer"])
def cancel(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then cancel each run through the api."""
    return confirm_then_act(model_admin, request, runs, CANCEL)


@admin.action(description="Retry", permissions=["steer"])
def retry(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then let each failed, blocked or waiting run go on through the api."""
    return confirm_then_act(model_admin, request, runs, RETRY)


@admin.action(description="Pause", permissions=["steer"])
def pause(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then set each run and its children aside."""
    return confirm_then_act(model_admin, request, runs, PAUSE)


@admin.action(description="Resume", permissions=["steer"])
def resume(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then let each paused run go on with its children."""
    return confirm_then_act(model_admin, request, runs, RESUME)


@admin.action(description="Compensate", permissions=["steer"])
def compensate(model_admin: RunModelAdmin, request: HttpRequest, runs: Runs) -> HttpResponse | None:
    """Ask, then have the completed steps of each failed or cancelled run undone."""
    return confirm_then_act(model_admin, request, runs, COMPENSATE)
