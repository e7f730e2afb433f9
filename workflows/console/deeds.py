"""What the console offers to do to a run: the admin's deeds, in the admin's words, and events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django import forms

from workflows import api
from workflows.api import RunView
from workflows.core.states import DEAF_STATES
from workflows.models import Run
from workflows.run_actions import (
    CANCEL,
    COMPENSATE,
    FORK,
    PAUSE,
    RESUME,
    RETRY,
    ForkForm,
    JSONOrNothing,
    steer,
)
from workflows.ui.confirm import Deed, NotDone

VIA = "console"


class EventForm(forms.Form):
    """Asked for with an event."""

    name = forms.CharField(max_length=500)
    payload = JSONOrNothing(
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text='JSON: {"paid": true}. Empty: null.',
    )
    key = forms.CharField(
        max_length=500, required=False, help_text="The same event under it again changes nothing."
    )


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Something that may be done to one run."""

    label: str
    explanation: str
    form_class: type[forms.Form]
    refuse: Callable[[Run], str]
    do: Callable[[Run, str, dict[str, Any]], UUID]
    """Does it for somebody; returns the run to look at next. Raises NotDone."""
    is_danger: bool = False

    def why_not(self, run: Run | RunView) -> str:
        """Return why it cannot be done to a run now, and what helps instead; "" where it can."""
        # Both have what is asked for: the state, and whether it went on.
        return self.refuse(cast(Run, run))


def _steering(deed: Deed[Run], verb: Callable[..., bool], *, is_danger: bool = False) -> Offered:
    def do(run: Run, by: str, asked: dict[str, Any]) -> UUID:
        steer(verb, run, by=by, via=VIA, asked=asked)
        return run.pk

    return Offered(
        label=deed.label,
        explanation="Kept in the run's history with your name and reason.",
        form_class=deed.form_class,
        refuse=deed.refuse,
        do=do,
        is_danger=is_danger,
    )


def _fork(run: Run, by: str, asked: dict[str, Any]) -> UUID:
    try:
        return api.fork(run.pk, by=by, via=VIA, **asked).id
    except (api.RequestError, api.DefinitionError) as refused_for:
        raise NotDone(f"{refused_for}.") from None


def _send(run: Run, by: str, asked: dict[str, Any]) -> UUID:
    try:
        api.send_event(run.pk, asked["name"], asked["payload"], key=asked["key"] or None, by=by)
    except (api.RequestError, api.DefinitionError) as refused_for:
        raise NotDone(f"{refused_for}.") from None
    return run.pk


def _deaf(run: Run) -> str:
    deaf = run.state in DEAF_STATES and not run.continued_as
    return f"no event reaches a run that is {run.state}." if deaf else ""


OFFERED: Mapping[str, Offered] = {
    "retry": _steering(RETRY, api.retry),
    "pause": _steering(PAUSE, api.pause),
    "resume": _steering(RESUME, api.resume),
    "fork": Offered(
        label=FORK.label,
        explanation=FORK.explanation,
        form_class=ForkForm,
        refuse=FORK.refuse,
        do=_fork,
    ),
    "event": Offered(
        label="Send an event",
        explanation="It is kept until a wait for its name consumes it. The run's history says who sent it.",
        form_class=EventForm,
        refuse=_deaf,
        do=_send,
    ),
    "compensate": _steering(COMPENSATE, api.compensate, is_danger=True),
    "cancel": _steering(CANCEL, api.cancel, is_danger=True),
}
"""By the word in the address, in the order of the buttons."""
BULK = ("retry", "pause", "resume", "compensate", "cancel")
"""Those that may be done to many at once."""
