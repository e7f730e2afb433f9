"""A filter of an admin list by what is typed: a list of all values there are would have to be made of all rows."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest


class TextFilter(admin.SimpleListFilter):
    """A box to type in, beside the other filters; they stay as they are."""

    template = "workflows/text_filter.html"
    condition: Callable[[str], Q]
    """What is true of the rows, by the text."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return nothing to choose from."""
        return []

    def has_output(self) -> bool:
        """Show it all the same."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of which it is true; all, where nothing was typed."""
        text = (self.value() or "").strip()
        return queryset.filter(type(self).condition(text)) if text else queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the template shows: the other parameters of the page, which go along."""
        others = {**changelist.params, **changelist.get_filters_params()}
        yield {
            "value": self.value() or "",
            "others": _pairs(others, without=self.parameter_name),
            "all": changelist.get_query_string(remove=[self.parameter_name]),
        }


def text_filter(title: str, condition: Callable[[str], Q]) -> type[TextFilter]:
    """Return a filter, its parameter named after the title."""
    given = {
        "title": title,
        "parameter_name": title.replace(" ", "_"),
        "condition": staticmethod(condition),
    }
    return type("TextFilter", (TextFilter,), given)


def _pairs(params: dict[str, Any], *, without: str | None) -> list[tuple[str, str]]:
    """Return a pair for each hidden field; the page begins at its first."""
    return [
        (name, each)
        for name, value in params.items()
        if name not in (without, "p")
        for each in (value if isinstance(value, list) else [value])
    ]
