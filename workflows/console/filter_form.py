"""The filter of runs as it stands in the address, and in the form that makes it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from workflows.api import ErrorKind, RunFilter, RunState

WITHIN = {
    "": "any time",
    "1h": "the last hour",
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
}
_SPANS = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


class LocalMoment(forms.DateTimeField):
    """A moment in the zone that is active."""

    widget = forms.DateTimeInput({"type": "datetime-local", "step": "1"})


class FilterForm(forms.Form):
    """A RunFilter, word by word. What is empty says nothing."""

    state = forms.MultipleChoiceField(
        choices=RunState.choices, required=False, widget=forms.MultipleHiddenInput
    )
    workflow = forms.CharField(max_length=500, widget=forms.TextInput({"list": "workflow-names"}))
    version = forms.IntegerField(min_value=0)
    id = forms.CharField(max_length=4_000, label="Run id", help_text="Several with commas.")
    key = forms.CharField(max_length=500)
    step = forms.CharField(max_length=500, label="Now at step")
    error = forms.CharField(max_length=500, help_text="In its type or message.")
    error_kind = forms.ChoiceField(choices=[("", "any"), *ErrorKind.choices], label="Kind of error")
    owner = forms.CharField(max_length=500)
    tenant = forms.CharField(max_length=500)
    tags = forms.CharField(max_length=1_000, help_text="All of these, with commas.")
    subject = forms.CharField(max_length=500)
    attributes = forms.CharField(
        max_length=2_000, help_text='city=Bern, or a JSON object: {"city": "Bern"}.'
    )
    parent = forms.UUIDField(label="Parent run")
    within = forms.ChoiceField(choices=list(WITHIN.items()), label="Created in")
    created_since = LocalMoment()
    created_before = LocalMoment()
    ended_since = LocalMoment()
    ended_before = LocalMoment()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False

    def clean_id(self) -> list[UUID]:
        """Take the ids of runs."""
        try:
            return [UUID(each) for each in _parted(self.cleaned_data["id"])]
        except ValueError:
            raise ValidationError("Give the ids of runs, whole.") from None

    def clean_attributes(self) -> dict[str, Any]:
        """Take an object, or name=value."""
        given = self.cleaned_data["attributes"].strip()
        if not given.startswith("{"):
            return dict(map(_pair, _parted(given)))
        try:
            return cast(dict[str, Any], json.loads(given))
        except ValueError:
            raise ValidationError('That is no JSON object such as {"city": "Bern"}.') from None

    def wanted(self) -> RunFilter:
        """Return what a valid form says, for `list_runs(**filter)`."""
        told = {name: value for name, value in self.cleaned_data.items() if value not in _NOTHING}
        within = told.pop("within", None)
        if within and "created_since" not in told:
            told["created_since"] = timezone.now() - _SPANS[within]
        if "tags" in told:
            told["tags"] = _parted(told["tags"])
        return cast(RunFilter, told)

    def said(self) -> list[tuple[str, str]]:
        """Return each word that says something, but for the state, as label and text."""
        return [
            (str(field.label or name).capitalize().replace("_", " "), str(self.data.get(name)))
            for name, field in self.fields.items()
            if name != "state" and self.data.get(name)
        ]


_NOTHING: tuple[Any, ...] = (None, "", [], {})


def address_of(data: Mapping[str, Any], **changes: Any) -> str:
    """Return the words of a filter as the query of an address. changes: a list, a text, or None to leave
    the word out."""
    words: dict[str, Any] = {}
    for name in FilterForm.base_fields:
        given = data.getlist(name) if hasattr(data, "getlist") else data.get(name)
        words[name] = [each for each in given if each] if isinstance(given, list) else given
    words |= changes
    return urlencode({name: said for name, said in words.items() if said}, doseq=True)


def address_of_filter(wanted: RunFilter) -> list[tuple[str, str]]:
    """Return a filter as the fields of a form that FilterForm reads again to the same, in the active zone."""
    fields: list[tuple[str, str]] = []
    for name, value in wanted.items():
        if name == "state":
            fields += [(name, str(each)) for each in cast(list[str], value)]
        elif name == "attributes":
            fields.append((name, json.dumps(value)))
        elif name in ("id", "tags"):
            fields.append((name, ",".join(map(str, cast(list[Any], value)))))
        elif hasattr(value, "isoformat"):
            fields.append((name, value.isoformat()))
        else:
            fields.append((name, str(value)))
    return fields


def _parted(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValidationError(f"{text!r} has no value: write name=value.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value.strip()
