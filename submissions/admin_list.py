"""The admin's list of submissions, however many there are: searched by an index, in pages by place,
without a full count."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import BooleanField, Func, Value
from django.db.models.functions import Lower
from django.http import HttpRequest

from submissions.directory import begins
from submissions.keyset import Order
from submissions.models import Submission, SubmissionQuerySet

if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Submission]
else:
    AnyModelAdmin = object

COUNTED_AT_MOST = 1_000
MOST_WORDS = 6
NEWEST_FIRST = Order("new", "reserved_at", descends=True, is_time=True)
BEFORE, AFTER = "before.", "after."
"""What a page's place begins with: whether the page ends there or begins after it."""

BETWEEN_WORDS = "/.:-_?=&#~+"
"""In a link."""
WITHOUT_SIGNS = str.maketrans(BETWEEN_WORDS, " " * len(BETWEEN_WORDS))
NAME, TAGLINE, LINK = (f'"submissions_submission"."{each}"' for each in ("name", "tagline", "link"))
SEARCHED = rf"""to_tsvector('simple', {NAME} || ' '
|| regexp_replace({NAME}, '([[:lower:]])([[:upper:]])', '\1 \2', 'g') || ' ' || {TAGLINE} || ' '
|| translate({LINK}, '{BETWEEN_WORDS}', '{" " * len(BETWEEN_WORDS)}'))"""
"""Of each submission, as in the index of migration 0007: the words of its name, tagline and link."""


class SubmissionList(ChangeList):
    """Pages begin after a submission: PostgreSQL need not read what stands before it."""

    newer: str
    older: str
    is_more: bool

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, and count up to what a person acts on."""
        counted = self.queryset.order_by()[: COUNTED_AT_MOST + 1].count()
        asked = request.GET.get(PAGE_VAR, "")
        ones, newer, older = NEWEST_FIRST.page(
            self.queryset,
            asked.removeprefix(AFTER) if asked.startswith(AFTER) else "",
            asked.removeprefix(BEFORE) if asked.startswith(BEFORE) else "",
            self.list_per_page,
        )
        self.newer = self.get_query_string({PAGE_VAR: BEFORE + newer}) if newer else ""
        self.older = self.get_query_string({PAGE_VAR: AFTER + older}) if older else ""
        self.is_more = counted > COUNTED_AT_MOST
        self.result_count = min(counted, COUNTED_AT_MOST)
        self.result_list = ones
        self.full_result_count, self.show_admin_actions = None, True
        self.can_show_all, self.multi_page = False, bool(newer or older)
        self.paginator = Paginator(ones, self.list_per_page)


class ManySubmissions(AnyModelAdmin):
    """For the ModelAdmin: the list, and its search."""

    def get_changelist(self, request: HttpRequest, **more: Any) -> type[ChangeList]:
        return SubmissionList

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Search the chosen ones. What few words find is looked up first, in no order: in the one of an
        index, PostgreSQL would read the whole table in search of a rare word."""
        if not search_term.strip():
            return queryset, False
        found = searched(queryset, search_term.strip())
        ones = list(found.order_by().values_list("pk", flat=True)[: COUNTED_AT_MOST + 1])
        if len(ones) > COUNTED_AT_MOST:
            return found, False
        return queryset.filter(pk__in=ones), False


def searched(queryset: SubmissionQuerySet, text: str) -> SubmissionQuerySet:
    """Return those that a text stands for: an id, the beginning of an email address, or words."""
    try:
        return queryset.filter(pk=UUID(text))
    except ValueError:
        pass
    if "@" in text:
        people = User.objects.annotate(lower=Lower("email")).filter(lower__startswith=text.lower())
        return queryset.filter(maker__in=people)
    words = text.translate(WITHOUT_SIGNS).split()[:MOST_WORDS]
    queries = [Func(Value("simple"), Value(begins(word)), function="to_tsquery") for word in words]
    if not queries:
        return queryset.none()
    return queryset.filter(
        Func(
            *queries,
            template=f"({SEARCHED}) @@ (%(expressions)s)",
            arg_joiner=" && ",
            output_field=BooleanField(),
        )
    )
