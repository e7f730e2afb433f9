"""Admin actions that ask first: one page of what is chosen, then one call for each of it.

An action names its Deed and returns confirm_then_act(). Its permissions are checked by Django, at
the question and at the answer alike.
"""

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    AnyModelAdmin = object

logger = logging.getLogger("workflows")
Row = TypeVar("Row")

MOST_AT_ONCE = 100
"""A person cannot answer for more, and a form has a limit of fields."""


class NotDone(Exception):
    """Raised by a deed for what could not be done, with the reason for whoever asked for it."""


@dataclass(frozen=True, kw_only=True)
class Deed(Generic[Row]):
    """What is done to each chosen row once somebody has confirmed it."""

    label: str
    """On the button, and before each result: "Cancel"."""
    question: str
    """The page's headline: "Cancel these runs?"."""
    explanation: str = ""
    """What it will do, for whoever hesitates."""
    describe: Callable[[Row], str]
    """Names a row in one line."""
    do: Callable[[HttpRequest, Row, dict[str, Any]], str]
    """Does it to one row, with the form's values. Returns a sentence about it, "" to be counted
    only. Raises NotDone; at anything else, no further row is tried."""
    refuse: Callable[[Row], str] = lambda row: ""
    """Says why a row is not even asked about, and what helps instead; "" where it may be."""
    form_class: type[forms.Form] = forms.Form
    """What it needs to know besides."""


class TakesOnlyIds(AnyModelAdmin):
    """For a ModelAdmin with such actions: a posted id that can be none is refused with a sentence, where
    Django's own admin answers 500."""

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *more: Any, **newer: Any
    ) -> HttpResponse | None:
        """Look at what was chosen, then go on as Django does."""
        key: Any = self.model._meta.pk
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                key.to_python(chosen)
        except ValidationError:
            text = "What was chosen is not in this list; nothing was changed."
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *more, **newer)


def confirm_then_act(
    model_admin: Any, request: HttpRequest, chosen: QuerySet[Any], deed: Deed[Row]
) -> HttpResponse | None:
    """Ask, until it is confirmed and the form is valid; then do it to each row and tell what came
    of it. The page posts exactly what it shows, also where "all pages" had been selected."""
    rows = list(chosen[: MOST_AT_ONCE + 1])
    if len(rows) > MOST_AT_ONCE:
        many = model_admin.opts.verbose_name_plural
        text = f"Choose at most {MOST_AT_ONCE} {many} at once; nothing was changed."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    if not rows:
        many = model_admin.opts.verbose_name_plural
        text = f"None of the chosen {many} is there any more; nothing was changed."
        model_admin.message_user(request, text, messages.WARNING)
        return None
    confirmed = "confirmed" in request.POST
    if not confirmed:  # what has changed since, the deed finds out
        rows = _those_that_may(model_admin, request, rows, deed)
        if not rows:
            return None
    form = deed.form_class(request.POST if confirmed else None)
    if not (confirmed and form.is_valid()):
        return _ask(model_admin, request, rows, deed, form)
    _act(model_admin, request, rows, deed, form.cleaned_data)
    return None


def _those_that_may(
    model_admin: Any, request: HttpRequest, rows: list[Any], deed: Deed[Row]
) -> list[Any]:
    """Return the rows that may be asked about, and tell why the others may not."""
    answers = [(row, deed.refuse(row)) for row in rows]
    reasons = Counter(reason for _, reason in answers if reason)
    _tell_the_left(model_admin, request, deed, reasons)
    return [row for row, reason in answers if not reason]


def _ask(
    model_admin: Any, request: HttpRequest, rows: list[Any], deed: Deed[Row], form: forms.Form
) -> HttpResponse:
    facts = {
        **model_admin.admin_site.each_context(request),
        "title": deed.question,
        "label": deed.label,
        "explanation": deed.explanation,
        "action": request.POST["action"],
        "selected": ACTION_CHECKBOX_NAME,
        "chosen": [(row.pk, deed.describe(row)) for row in rows],
        "form": form,
        "media": model_admin.media + form.media,
        "opts": model_admin.opts,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "workflows/confirm.html", facts)


def _act(
    model_admin: Any, request: HttpRequest, rows: list[Any], deed: Deed[Row], asked: dict[str, Any]
) -> None:
    sentences: list[str] = []
    gone = _gone(request, rows)
    reasons: Counter[str] = Counter({"no longer there.": gone} if gone else {})
    fault = ""
    for number, row in enumerate(rows, 1):
        try:
            with _by_itself():
                sentences.append(deed.do(request, row, asked))
        except NotDone as refused:
            reasons[str(refused)] += 1
        except Exception as exc:
            logger.exception("%s: %s failed", deed.label, deed.describe(row))
            what = f"{type(exc).__name__}: {exc}".partition("\n")[0]
            fault = f"{deed.label}: stopped at {deed.describe(row)}: {what}. "
            fault += (
                f"Not tried: {len(rows) - number}." if number < len(rows) else "It was the last."
            )
            break
    for sentence in filter(None, sentences):
        model_admin.message_user(request, sentence, messages.SUCCESS)
    if counted := sentences.count(""):
        model_admin.message_user(request, f"{deed.label}: {counted} done.", messages.SUCCESS)
    _tell_the_left(model_admin, request, deed, reasons)
    if fault:
        model_admin.message_user(request, fault, messages.ERROR)


def _by_itself() -> AbstractContextManager[object]:
    """Inside a request's transaction, let one deed that fails leave the others and the page alone."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _tell_the_left(
    model_admin: Any, request: HttpRequest, deed: Deed[Row], reasons: Counter[str]
) -> None:
    for reason, times in reasons.items():
        text = f"{deed.label}: {times} left as they were: {reason}"
        model_admin.message_user(request, text, messages.WARNING)


def _gone(request: HttpRequest, rows: list[Any]) -> int:
    """Return how many of those that were shown are there no more."""
    return max(0, len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))) - len(rows))
