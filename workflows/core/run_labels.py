"""By what people find a run again: its owner, its tags and the object that it is about."""

from collections.abc import Collection
from typing import Any

from workflows.core.codec import is_name, shown
from workflows.core.errors import InvalidInput

MOST_TAGS = 20


def owner_of(owner: Any) -> str:
    """Return who a run belongs to, "" for nobody. Raises InvalidInput."""
    if owner != "" and not is_name(owner):
        raise InvalidInput(f"owner is {shown(owner)}; give a text of 1 to 500 characters")
    return str(owner)


def tags_of(tags: Any) -> tuple[str, ...]:
    """Return tags in their order, each once. Raises InvalidInput."""
    if isinstance(tags, str) or not isinstance(tags, Collection) or not all(map(is_name, tags)):
        raise InvalidInput(f'tags are {shown(tags)}; give a list of texts: ["night", "export"]')
    if len(set(tags)) > MOST_TAGS:
        raise InvalidInput(f"{len(set(tags))} tags; a run has up to {MOST_TAGS}")
    return tuple(sorted(set(tags)))


def subject_of(subject: Any) -> str:
    """Return what a run is about as a text, "" for nothing: of a row of the database, its model and its
    key ("shop.order:7"). Raises InvalidInput."""
    if subject is None:
        return ""
    if isinstance(subject, str):
        told = subject
    else:
        label = getattr(getattr(subject, "_meta", None), "label_lower", None)
        if label is None:
            raise InvalidInput(f"subject is {shown(subject)}; give a row of a model, or a text")
        if subject.pk is None:
            raise InvalidInput(f"subject is a {label} without a key; save it first")
        told = f"{label}:{subject.pk}"
    if not is_name(told):
        raise InvalidInput("subject is a text of 1 to 500 characters, or a row of a model")
    return told
