"""The pages' parts: strangers' text stays text, error pages always render, nothing is inline."""

import re
from datetime import datetime, timedelta, timezone as fixed_zone
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.template import Engine
from django.template.loader import render_to_string
from django.test import Client, override_settings
from django.utils import timezone

from submissions.models import Board, Submission
from submissions.progress import StatusStep
from submissions.slot_board import SlotCell
from submissions.states import Status
from submissions.templatetags import toolsite_ui as ui

FOLDER = Path(settings.BASE_DIR) / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.*"))
PAGES = [name for name in NAMES if name.endswith(".html")]
BARE_PAGES = ["400.html", "500.html", "503.html"]
HOSTILE = "<script>alert(1)</script>\"'&"

NO_MANIFEST = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
        "OPTIONS": {"location": "/nowhere"},
    },
}


class ToolForm(forms.Form):
    name = forms.CharField(help_text="Its name.", widget=forms.TextInput({"placeholder": "Name"}))
    kind = forms.ChoiceField(choices=[("a", "First"), ("b", "Second")])


def slot(**changes: Any) -> str:
    cell = SlotCell(**{"number": 3, "state": "approved", **changes})
    return render_to_string("submissions/_slot.html", {"cell": cell, "board": Board(slug="b")})


def status(**changes: Any) -> str:
    submission = Submission(
        **{
            "board": Board(slug="b"),
            "slot": 3,
            "status": Status.REJECTED,
            "name": "QueryLens",
            "link": "https://querylens.dev/",
            "category": "data",
            **changes,
        }
    )
    step = StatusStep(title="Link check", state="failed", text=HOSTILE, at=timezone.now())
    facts = {"submission": submission, "title": HOSTILE, "lead": HOSTILE, "steps": [step]}
    return render_to_string("submissions/_status.html", facts)


@pytest.mark.parametrize("name", NAMES)
def test_every_template_compiles(name: str) -> None:
    template = Engine.get_default().get_template(name)

    assert template.name == name


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_inline_code_or_style(name: str) -> None:
    source = (FOLDER / name).read_text()

    found = re.findall(r"<style|<script(?![^>]*\ssrc=)|\s(?:style|on\w+|hx-on[\w:-]*)=", source)

    assert found == []


@pytest.mark.parametrize("name", BARE_PAGES)
def test_an_error_page_needs_no_database_and_no_manifest(name: str) -> None:
    with override_settings(STORAGES=NO_MANIFEST, STATIC_URL="/static/"):
        page = render_to_string(name)

    assert 'href="/static/css/base.css"' in page


def test_an_unknown_icon_says_what_to_do() -> None:
    with pytest.raises(LookupError, match=r"no icon 'horse'; add it to ops/vendor\.json"):
        ui.icon("horse")


def test_an_icon_with_a_label_speaks() -> None:
    drawn = ui.icon("timer", HOSTILE)

    assert 'role="img" aria-label="&lt;script&gt;' in drawn


def test_an_icon_without_a_label_is_silent() -> None:
    drawn = ui.icon("timer")

    assert 'aria-hidden="true"' in drawn


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://",
        "https://[::1",
        "https://a b.example",
        "mailto:a@example.com",
        "evil.example",
        "",
    ],
)
def test_what_is_no_web_address_is_text(url: str) -> None:
    shown = ui.safe_link(url, "Label")

    assert shown == '<span dir="auto">Label</span>'


def test_a_strangers_link_vouches_for_nothing_and_is_escaped() -> None:
    shown = ui.safe_link('https://a.example/?x="><script>', HOSTILE)

    assert 'rel="nofollow ugc noopener"' in shown
    assert 'href="https://a.example/?x=&quot;&gt;&lt;script&gt;"' in shown
    assert "<script>" not in shown


def test_a_link_without_a_label_shows_its_address() -> None:
    shown = ui.safe_link("https://a.example/")

    assert shown.endswith(">https://a.example/</a>")


@pytest.mark.parametrize(
    ("seconds", "text"), [(107, "1:47"), (0, "0:00"), (-3, "0:00"), (9.9, "0:09")]
)
def test_a_clock_reads_minutes_and_seconds(seconds: float, text: str) -> None:
    assert ui.clock(seconds) == text


def test_one_word_for_one_thing() -> None:
    said = {
        path: path.read_text()
        for path in Path(settings.BASE_DIR, "templates").rglob("*")
        if path.is_file()
    }

    assert [path.name for path, text in said.items() if re.search("e-mail", text, re.I)] == []


@pytest.mark.parametrize("name", ["QueryLens", "", "שלום", "\ud800"])
def test_a_name_always_gets_the_same_of_five_hues(name: str) -> None:
    chosen = ui.hue(name)

    assert chosen == ui.hue(name)
    assert chosen in {f"hue-{number}" for number in range(ui.HUES)}


def test_every_hue_is_drawn() -> None:
    sheet = (Path(settings.BASE_DIR) / "static/css/components.css").read_text()

    drawn = set(re.findall(r"\.(hue-\d+) {", sheet))

    assert drawn == {f"hue-{number}" for number in range(ui.HUES)}


def test_a_control_is_tied_to_its_hint_and_its_errors() -> None:
    form = ToolForm({"name": ""})

    drawn = ui.control(form["name"])

    assert 'aria-invalid="true"' in drawn
    assert 'aria-describedby="id_name_helptext id_name_error"' in drawn
    assert "placeholder" not in drawn


@pytest.mark.parametrize(("value", "label"), [("b", "Second"), ("<b>", ""), ("", "")])
def test_a_choice_is_shown_by_its_label(value: str, label: str) -> None:
    form = ToolForm({"kind": value})

    assert ui.choice_label(form["kind"]) == label


def test_a_message_of_an_unknown_level_looks_like_information() -> None:
    assert [ui.message_state("error"), ui.message_state("odd")] == ["rejected", "in_review"]


def test_a_pending_submission_wears_the_colours_of_a_reserved_slot() -> None:
    drawn = ui.submission_badge(Submission(status=Status.PENDING))

    assert 'data-state="reserved"' in drawn
    assert drawn.endswith("Reserved</span>")


def test_a_hostile_name_on_the_board_is_text() -> None:
    page = slot(name=HOSTILE, tagline=HOSTILE, tool_slug="a-tool")

    assert "<script" not in page
    assert 'title="&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;"' in page


def test_a_visitor_signs_in_on_the_way_to_a_free_slot() -> None:
    page = render_to_string(
        "submissions/_slot.html",
        {"cell": SlotCell(number=3), "board": open_board(), "here": "/boards/b/"},
    )

    assert 'href="/accounts/login/?next=/boards/b/%23slot-3"' in page


def open_board() -> Board:
    board = Board(slug="b")
    board.is_open = True
    return board


def test_a_hostile_link_on_the_status_page_is_text() -> None:
    page = status(name=HOSTILE, link="javascript:alert(1)")

    assert "<script" not in page
    assert 'href="javascript' not in page


def test_a_web_link_on_the_status_page_can_be_followed() -> None:
    page = status()

    assert '<a href="https://querylens.dev/" rel="nofollow ugc noopener"' in page


def test_a_finished_status_stops_asking_for_itself() -> None:
    page = status()

    assert "hx-get" not in page


@pytest.mark.django_db
@pytest.mark.parametrize(("cookie", "html"), [("dark", ' data-theme="dark"'), ('"><script>', "")])
def test_the_server_renders_the_chosen_theme_and_nothing_else(cookie: str, html: str) -> None:
    client = Client()
    client.cookies["theme"] = cookie

    page = client.get("/accounts/login/").content.decode()

    assert f'<html lang="en"{html} data-now=' in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "completions"),
    [
        ("/accounts/login/", ["email", "current-password"]),
        ("/accounts/signup/", ["email", "new-password", "new-password"]),
        ("/accounts/password/reset/", ["email"]),
    ],
)
def test_account_forms_can_be_filled_in_by_the_browser(
    address: str, completions: list[str]
) -> None:
    page = Client().get(address).content.decode()

    assert re.findall(r'autocomplete="([^"]+)"', page) == completions


@pytest.mark.django_db
def test_a_refused_sign_in_names_its_fields_and_takes_the_focus() -> None:
    page = Client().post("/accounts/login/", {"login": "", "password": ""}).content.decode()

    assert "<title>Error: Sign in" in page
    assert "data-error-summary" in page
    assert '<a href="#id_login">' in page
    assert 'id="id_login_error"' in page


def test_a_moment_is_told_in_utc_and_marked_for_the_visitors_own_zone() -> None:
    at = datetime(2026, 11, 21, 1, 5, 9, tzinfo=fixed_zone(timedelta(hours=2)))

    assert ui.moment(at) == (
        '<time class="num" datetime="2026-11-20T23:05:09+00:00" data-local="minute">'
        "20 Nov, 23:05 UTC</time>"
    )
    assert 'data-local="second">23:05:09 UTC<' in ui.moment(at, "H:i:s")
