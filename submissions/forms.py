"""What makers type: what is wrong is said field by field; details are kept."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django import forms

from submissions.conf import conf
from submissions.details import Details
from submissions.errors import SubmissionError
from submissions.link_check import LinkSyntaxError, validate_link_syntax
from submissions.models import LONGEST_APPEAL, TYPED_FIELDS
from submissions.states import Category

MOST_KEPT_CHARACTERS = 4096
"""Of one field, however much was sent: above every limit, so a person can shorten the text."""

INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that would let a name pretend to be another one, or break a line."""

JOINERS = "\u200c\u200d"
"""Format characters that scripts and emoji need."""


class DetailsForm(forms.Form):
    name = forms.CharField(
        label="Tool name",
        max_length=60,
        error_messages={"required": "Give the tool's name"},
    )
    category = forms.ChoiceField(
        choices=[("", "Choose one"), *Category.choices],
        error_messages={
            "required": "Choose what the tool is for",
            "invalid_choice": "Choose one of the categories in the list",
        },
    )
    link = forms.CharField(
        label="Website",
        max_length=2048,
        help_text="We open this address to check that it works.",
        error_messages={"required": "Enter the full address, for example https://querylens.dev"},
        widget=forms.URLInput(attrs={"autocomplete": "url", "inputmode": "url"}),
    )
    tagline = forms.CharField(
        max_length=80,
        help_text="One line, up to 80 characters. Say what it does.",
        error_messages={"required": "Say in one line what the tool does"},
    )
    description = forms.CharField(
        max_length=1000,
        required=False,
        help_text="Who is it for, and what problem does it solve?",
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(None if data is None else kept(data), **kwargs)

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean_tagline(self) -> str:
        return one_line(self.cleaned_data["tagline"])

    def clean_description(self) -> str:
        text = "\n".join(self.cleaned_data["description"].splitlines())
        return visible(text, besides="\n\t")

    def clean_link(self) -> str:
        try:
            return validate_link_syntax(self.cleaned_data["link"], allow=conf().link_check_allow)
        except LinkSyntaxError as wrong:
            raise forms.ValidationError(wrong.sentence) from None

    def details(self) -> Details | None:
        """Return what was sent, or None where a field has a fault."""
        return Details(**self.cleaned_data) if self.is_valid() else None

    def typed(self) -> dict[str, str]:
        """Return what was typed, sound or not, in a form that can be stored."""
        return {field: text.replace("\0", "") for field, text in self.data.items() if text}

    def explain(self, refusal: SubmissionError) -> None:
        """Show a refusal beside the field it names; "__all__" stands for the whole form."""
        if refusal.field:
            self.add_error(refusal.field, refusal.message)


class AppealForm(forms.Form):
    words = forms.CharField(
        label="What should the moderator know?",
        max_length=LONGEST_APPEAL,
        help_text="One sentence, for example how to reach the page.",
        error_messages={"required": "Say in one sentence why a moderator should look"},
    )

    def clean_words(self) -> str:
        return one_line(self.cleaned_data["words"])


def kept(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's own fields, each at a length that is safe to keep and to show again."""
    texts = {field: data.get(field, "") for field in TYPED_FIELDS}
    return {
        field: text[:MOST_KEPT_CHARACTERS] if isinstance(text, str) else ""
        for field, text in texts.items()
    }


def one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def visible(text: str, besides: str = "") -> str:
    """Return the text. Raises ValidationError where it hides characters."""
    hidden = (c for c in text if unicodedata.category(c) in INVISIBLE)
    if any(character not in JOINERS + besides for character in hidden):
        raise forms.ValidationError("Remove the invisible characters; type the text anew")
    return text
