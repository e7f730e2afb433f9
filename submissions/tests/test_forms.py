"""The form: each fault is said at its field; what was typed is kept at a safe length."""

import pytest

from submissions.forms import DetailsForm
from submissions.models import TYPED_FIELDS
from submissions.tests.builders import GOOD


def faults(**changes: object) -> list[str]:
    form = DetailsForm(GOOD | changes)
    assert form.details() is None
    return sorted(form.errors)


def test_sound_details_come_out_as_they_went_in() -> None:
    details = DetailsForm(GOOD).details()

    assert details is not None
    assert vars(details) == GOOD


def test_an_empty_form_names_every_required_field() -> None:
    form = DetailsForm({})

    assert form.details() is None
    assert sorted(form.errors) == ["category", "link", "name", "tagline"]


@pytest.mark.parametrize("field", [f for f in TYPED_FIELDS if f != "category"])
def test_a_nul_byte_is_named_at_its_field(field: str) -> None:
    assert faults(**{field: GOOD[field] + "\0"}) == [field]


@pytest.mark.parametrize("field", TYPED_FIELDS)
def test_a_megabyte_is_named_at_its_field_and_not_kept(field: str) -> None:
    form = DetailsForm(GOOD | {field: "x" * 1_000_000})

    assert form.details() is None
    assert sorted(form.errors) == [field]
    assert len(form.typed()[field]) == 4096


@pytest.mark.parametrize("field", TYPED_FIELDS)
@pytest.mark.parametrize("value", [["a", "b"], 7, None, {"a": 1}])
def test_a_wrong_type_counts_as_nothing_typed(field: str, value: object) -> None:
    form = DetailsForm(GOOD | {field: value})
    form.details()

    assert sorted(form.errors) == ([] if field == "description" else [field])


@pytest.mark.parametrize(
    ("field", "length"), [("name", 60), ("tagline", 80), ("description", 1000)]
)
def test_the_limits_are_exact(field: str, length: int) -> None:
    assert DetailsForm(GOOD | {field: "x" * length}).details() is not None
    assert faults(**{field: "x" * (length + 1)}) == [field]


@pytest.mark.parametrize(
    "text",
    ["Query\u202eLens", "Query\u2066Lens", "Query\x07Lens", "Query\ufeffLens", "\ue000", "\u200b"],
)
def test_characters_that_hide_are_refused(text: str) -> None:
    assert faults(name=text) == ["name"]
    assert faults(tagline=text) == ["tagline"]
    assert faults(description=text) == ["description"]


@pytest.mark.parametrize(
    "text", ["Zoë's 工具", "👩\u200d🚀 Rocket", "\u0645\u06cc\u200c\u062e", "a  b"]
)
def test_names_of_all_scripts_are_fine(text: str) -> None:
    details = DetailsForm(GOOD | {"name": text}).details()

    assert details is not None
    assert details.name == " ".join(text.split())


def test_a_name_is_one_line_and_a_description_keeps_its_lines() -> None:
    details = DetailsForm(GOOD | {"name": "a\r\nBcc: b", "description": "a\r\nb\tc"}).details()

    assert details is not None
    assert (details.name, details.description) == ("a Bcc: b", "a\nb\tc")


@pytest.mark.parametrize(
    "link",
    [
        "querylens.dev",
        "javascript:alert(1)",
        "https://user:pass@querylens.dev/",
        "http://127.0.0.1/",
        "http://localhost/",
        "https://querylens.dev:22/",
        "https://querylens.dev/ page",
        "https://" + "a" * 2100 + ".dev/",
    ],
)
def test_a_link_that_cannot_be_one_is_refused_at_its_field(link: str) -> None:
    assert faults(link=link) == ["link"]


def test_what_was_typed_is_kept_without_what_cannot_be_stored() -> None:
    form = DetailsForm(GOOD | {"name": "Half\0 a to", "link": "", "csrfmiddlewaretoken": "t"})

    assert form.typed()["name"] == "Half a to"
    assert set(form.typed()) == set(TYPED_FIELDS) - {"link"}
