"""The directory of approved tools: found by words, in pages that cost the same however far one goes."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import BooleanField, Count, Func, Value

from submissions.keyset import Order
from submissions.models import Submission, SubmissionQuerySet
from submissions.states import Category

TOOLS_PER_PAGE = 12
LONGEST_SEARCH = 100
MOST_SEARCH_WORDS = 6
COUNTED_AT_MOST = 1_000
"""Of what a search finds. To count all that a common word finds would read half of the table."""


@dataclass(frozen=True, kw_only=True)
class Directory:
    """One page of the approved tools, and what it was asked for."""

    tools: list[Submission]
    q: str
    category: str
    categories: list[tuple[str, str, int]]
    """Value, label and number of tools that match the search."""
    sort: str
    total: int
    is_more: bool
    """There are more than `total`, and the numbers of the categories are of those counted."""
    newer: str
    """The place to go back from; "": this is the first page."""
    older: str
    """The place to go on from; "": this is the last page."""


def find_tools(
    *, q: str = "", category: str = "", sort: str = "", after: str = "", before: str = ""
) -> Directory:
    """Search the approved tools. Whatever cannot be understood counts as not asked for."""
    words = q.replace("\0", "")[:LONGEST_SEARCH].split()[:MOST_SEARCH_WORDS]
    found = having(Submission.objects.approved(), words)
    if words:
        found, counts, is_more = looked_up(found)
    else:
        counts, is_more = counted(found), False
    chosen = category if category in Category.values else ""
    if chosen:
        found = found.filter(category=chosen)
    order = ORDERS["name" if sort == "name" else "new"]
    tools, newer, older = order.page(found, after, before, TOOLS_PER_PAGE)
    return Directory(
        tools=tools,
        q=" ".join(words),
        category=chosen,
        categories=[(value, label, counts.get(value, 0)) for value, label in Category.choices],
        sort=order.name,
        total=counts.get(chosen, 0) if chosen else sum(counts.values()),
        is_more=is_more,
        newer=newer,
        older=older,
    )


def having(found: SubmissionQuerySet, words: list[str]) -> SubmissionQuerySet:
    """Return those in which every word begins a word of the name, tagline or description."""
    if not words:
        return found
    queries = [Func(Value("simple"), Value(begins(word)), function="to_tsquery") for word in words]
    return found.filter(
        Func(
            *queries,
            template='"submissions_submission"."words" @@ (%(expressions)s)',
            arg_joiner=" && ",
            output_field=BooleanField(),
        )
    )


def begins(word: str) -> str:
    """Return a word as PostgreSQL reads "begins with it" (manual, 8.11.2: text search queries). A single
    letter begins half of all words: it stands for itself."""
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'" if len(word) == 1 else f"'{quoted}':*"


def looked_up(found: SubmissionQuerySet) -> tuple[SubmissionQuerySet, dict[str, int], bool]:
    """Return what words have found, how many there are of each category, and whether there are more
    than were counted.

    The first look asks for no order: in the one of an index, PostgreSQL would read the whole table in
    search of a rare word, which it takes for a common one.
    """
    ones = list(found.order_by().values_list("pk", "category")[: COUNTED_AT_MOST + 1])
    counts = dict(Counter(category for _, category in ones))
    if len(ones) > COUNTED_AT_MOST:
        return found, counts, True
    return Submission.objects.filter(pk__in=[pk for pk, _ in ones]), counts, False


def counted(found: SubmissionQuerySet) -> dict[str, int]:
    """Return how many tools there are of each category, which an index alone knows: so no column of the
    table is asked for."""
    return dict(found.order_by().values_list("category").annotate(count=Count("*")))


ORDERS = {
    "new": Order("new", "decided_at", descends=True, is_time=True),
    "name": Order("name", "name"),
}
