"""Owner, tags and subject of a run, as they are kept."""

from typing import Any

import pytest
from django.contrib.auth.models import Group

from workflows.core.errors import InvalidInput
from workflows.core.run_labels import MOST_TAGS, owner_of, subject_of, tags_of


def test_tags_are_kept_in_their_order_each_once() -> None:
    assert tags_of(["b", "a", "b"]) == ("a", "b")
    assert tags_of(set()) == ()


@pytest.mark.parametrize("tags", ["night", [""], [7], 7, ["\x00"]])
def test_what_is_no_list_of_texts_is_refused(tags: Any) -> None:
    with pytest.raises(InvalidInput, match="give a list of texts"):
        tags_of(tags)


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(InvalidInput, match=f"up to {MOST_TAGS}"):
        tags_of([str(each) for each in range(MOST_TAGS + 1)])


def test_an_owner_is_a_text_or_nobody() -> None:
    assert (owner_of("ann"), owner_of("")) == ("ann", "")
    with pytest.raises(InvalidInput, match="owner is 7"):
        owner_of(7)


def test_a_row_is_told_by_its_model_and_key() -> None:
    assert subject_of(Group(pk=7, name="makers")) == "auth.group:7"
    assert (subject_of("order 7"), subject_of(None)) == ("order 7", "")


@pytest.mark.parametrize(
    ("subject", "why"),
    [(Group(), "save it first"), (7, "give a row of a model"), ("x" * 501, "1 to 500")],
)
def test_what_cannot_be_a_subject_is_refused(subject: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        subject_of(subject)
