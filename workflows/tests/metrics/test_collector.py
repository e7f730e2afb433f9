"""What GET /metrics tells of the engine, in the text that Prometheus reads."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from workflows.api import start
from workflows.core.figures import Counted, Figure, Subject, count_in_all
from workflows.core.histogram import bucket_of
from workflows.metrics.registry import registry_of
from workflows.store.counting import begin_with_now
from workflows.store.statistics import add_figures
from workflows.testing import drive_until_idle
from workflows.tests.builders import connected, counted_statements
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
ALERTS, DASHBOARD = ROOT / "ops/prometheus-alerts.yml", ROOT / "ops/grafana-dashboard.json"
PROMTOOL = shutil.which("promtool")
MISSING = "PROMTOOL IS NOT INSTALLED: alerts and expressions were not parsed (Debian: apt install prometheus)."


def add(
    what: Counted, name: str = "", *, seconds: float | None = None, count: int = 1, version: int = 1
) -> None:
    """Add figures of a workflow."""
    buckets = [] if seconds is None else [0] * bucket_of(seconds) + [count]
    figure = Figure(count, (seconds or 0.0) * count, buckets)
    subject = Subject(what, "tests.greet", version, name)
    add_figures(count_in_all([(datetime.now(UTC), subject, figure)]))


def scraped() -> list[Sample]:
    """Return all samples, as Prometheus reads them."""
    text = generate_latest(registry_of()).decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def told(name: str, **labels: str) -> list[float]:
    """Return the values of the samples with these labels."""
    return [
        each.value
        for each in scraped()
        if each.name == name and labels.items() <= each.labels.items()
    ]


def test_counters_add_up_versions() -> None:
    add(Counted.ENDED, "completed", seconds=1.0, count=3)
    add(Counted.ENDED, "completed", seconds=1.0, version=2)
    add(Counted.FAILED, "system")
    add(Counted.FENCED)

    assert told("workflows_runs_ended_total", workflow="tests.greet", outcome="completed") == [4]
    assert told("workflows_runs_failed_total", kind="system") == [1]
    assert told("workflows_writes_fenced_total") == [1]


def test_retries_are_failed_attempts_that_were_not_the_last() -> None:
    add(Counted.ATTEMPT_FAILED, "say", count=5)
    add(Counted.STEP_FAILED, "say", count=2)

    assert told("workflows_step_retries_total", step="say") == [3]
    assert told("workflows_steps_failed_total", step="say") == [2]


def test_histograms_are_cumulative() -> None:
    add(Counted.STEP, "say", seconds=0.003, count=2)
    add(Counted.STEP, "say", seconds=100.0)
    add(Counted.STEP, "say", seconds=1e9)

    buckets = {
        each.labels["le"]: each.value
        for each in scraped()
        if each.name == "workflows_step_duration_seconds_bucket"
    }

    assert list(buckets)[:4] == ["0.001", "0.004", "0.016", "0.064"]
    assert (buckets["0.001"], buckets["0.004"], buckets["262.144"], buckets["+Inf"]) == (0, 2, 3, 4)
    assert told("workflows_step_duration_seconds_count", step="say") == [4]


def test_what_is_now() -> None:
    start(greet_once, name="due")
    start(wait_for_go)
    drive_until_idle()
    start(greet_once, name="due")

    assert told("workflows_runs", workflow="tests.greet", state="pending") == [1]
    assert told("workflows_runs", state="waiting") == [1]
    assert told("workflows_runs_due") == [1]
    assert told("workflows_runs_counting_stopped", runs="due") == [0]
    assert told("workflows_events_unread") == [0]
    assert told("workflows_statistics_behind_seconds") == []


@pytest.mark.usefixtures("committed")
def test_how_far_behind_the_counters_are() -> None:
    with connected() as own:
        begin_with_now(own)

    [behind] = told("workflows_statistics_behind_seconds")
    assert 5 <= behind < 60


def test_a_scrape_is_a_counted_number_of_statements() -> None:
    with counted_statements() as sent:
        generate_latest(registry_of())

    assert len(sent) <= 13


def exported() -> set[str]:
    """Return every name that is told once all has happened."""
    for what in Counted:
        add(what, "one", seconds=1.0)
    with connected() as own:
        begin_with_now(own)
    return {each.name for each in scraped()} | {
        # Told where there are workers, limits, schedules and runs without code.
        "workflows_workers", "workflows_slots", "workflows_slots_busy", "workflows_limit_taken",
        "workflows_limit_waiting", "workflows_limit_slots", "workflows_schedule_late_seconds",
        "workflows_code_missing_runs", "workflows_runs",
    }  # fmt: skip


def expressions() -> Iterator[str]:
    """Yield every expression of the dashboard and the alerts."""
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for variable in dashboard["templating"]["list"]:
        yield variable["query"]
    rules = re.findall(r"expr: (?:>-\n)?(.*?)\n +(?:for|labels):", ALERTS.read_text(), re.DOTALL)
    assert len(rules) == ALERTS.read_text().count("- alert:")
    yield from rules


@pytest.mark.usefixtures("committed")
def test_dashboard_and_alerts_ask_for_names_that_are_told() -> None:
    asked = {name for each in expressions() for name in re.findall(r"\bworkflows_\w+", each)}

    assert len(asked) > 15
    assert asked - exported() == set()


@pytest.mark.usefixtures("committed")
def test_the_docs_name_each_metric_and_no_other() -> None:
    named = set(
        re.findall(r"^\| `(workflows_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    )

    parts = re.compile(r"(_bucket|_count|_sum|_created)$")
    assert named == {parts.sub("", name) if "_seconds_" in name else name for name in exported()}


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_promtool_takes_alerts_and_expressions(tmp_path: Path) -> None:
    rules = "".join(
        f"  - record: tests:panel_{number}\n    expr: {json.dumps(each.replace('$__rate_interval', '5m'))}\n"
        for number, each in enumerate(expressions())
        if "(" in each and not each.startswith("label_values")
    )
    panels = tmp_path / "panels.yml"
    panels.write_text(f"groups:\n- name: panels\n  rules:\n{rules}")

    for checked in (ALERTS, panels):
        done = subprocess.run(
            [str(PROMTOOL), "check", "rules", str(checked)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason=MISSING)
def test_promtool_finds_nothing_wrong_with_the_names() -> None:
    add(Counted.STEP, "say", seconds=1.0)

    done = subprocess.run(
        [str(PROMTOOL), "check", "metrics"],
        input=generate_latest(registry_of()),
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
