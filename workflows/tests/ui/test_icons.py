"""Icons and badges: every state has its own, and what is given is text."""

import re
from pathlib import Path

from django.template import Context, Template

from workflows.core.states import RunState
from workflows.core.step_views import StepState
from workflows.ui import icons

SHEET = Path(icons.__file__).parents[1] / "static/workflows/ui.css"


def test_every_state_of_a_run_or_step_has_an_icon_and_a_hue() -> None:
    states = {*RunState.values, *StepState.values}

    hues = set(re.findall(r'\[data-state="(\w+)"\]', SHEET.read_text()))

    assert set(icons.STATE_ICONS) == states
    assert hues == states


def test_the_engines_icons_stand_in_its_own_package() -> None:
    assert icons.ENGINE_FILE.is_relative_to(SHEET.parents[2])
    assert set(icons.STATE_ICONS.values()) <= set(icons.ENGINE_ICONS.names())


def test_a_label_is_text_and_an_unknown_state_looks_pending() -> None:
    drawn = icons.badge("<b>", "<i>")

    assert 'data-state="&lt;b&gt;"' in drawn
    assert drawn.endswith("&lt;i&gt;</span>")
    assert "icon-circle-dashed" in drawn


def test_templates_draw_the_same() -> None:
    source = '{% load workflows_ui %}{% badge "failed" %}{% state_icon "waiting" "It waits" %}'

    drawn = Template(source).render(Context())

    assert drawn == icons.badge("failed") + icons.state_icon("waiting", "It waits")
