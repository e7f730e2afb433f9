"""Every address of the site, with arguments that lead to something."""

import re
from collections.abc import Iterator

from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
BY_REGEX = {
    r"^confirm-email/(?P<key>[-:\w]+)/$": ["confirm-email/wrong-key/"],
    r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": [
        "password/reset/key/1-set-password/",
        "password/reset/key/1-wrong-key/",
    ],
    r"(?P<url>.*)$": ["nothing/here/"],
}
"""Addresses of these patterns; a pattern that is not here asks for its line."""

Arguments = dict[str, list[str]]


def every_path(arguments: Arguments) -> list[str]:
    """Return the paths of all routes, for each of the arguments' values."""
    return sorted(set(paths_below(get_resolver().url_patterns, "/", arguments)))


def paths_below(
    patterns: list[URLPattern | URLResolver], start: str, arguments: Arguments
) -> Iterator[str]:
    for each in patterns:
        for step in spelled(each, arguments):
            if isinstance(each, URLPattern):
                yield start + step
                continue
            yield from paths_below(each.url_patterns, start + step, of_model(step, arguments))


def spelled(each: URLPattern | URLResolver, arguments: Arguments) -> list[str]:
    text = str(each.pattern)
    if isinstance(each.pattern, RegexPattern):
        return BY_REGEX[text] if "app_label" not in text else app_lists()
    spellings = [text]
    for name in ARGUMENT.findall(text):
        spellings = [
            ARGUMENT.sub(value, half, count=1) for half in spellings for value in arguments[name]
        ]
    return spellings


def app_lists() -> list[str]:
    return sorted({f"{model._meta.app_label}/" for model in admin.site._registry})


def of_model(step: str, arguments: Arguments) -> Arguments:
    """Below a model's part of the admin, an id is an id of its rows."""
    for model in admin.site._registry:
        if step == f"{model._meta.app_label}/{model._meta.model_name}/":
            ids = ids_of(model)
            return {**arguments, "object_id": ids, "id": ids}
    return arguments


def ids_of(model: type[Model]) -> list[str]:
    return [str(pk) for pk in model._default_manager.order_by("pk").values_list("pk", flat=True)]
