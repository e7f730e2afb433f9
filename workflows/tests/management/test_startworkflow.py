"""manage.py startworkflow writes a workflow with its test, and never over what is there."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an installed app."""
    config = SimpleNamespace(path=str(tmp_path), label="orders", name="shop.orders")
    monkeypatch.setattr(apps, "get_app_config", lambda label: config)
    return tmp_path


def test_a_flow_and_its_test_are_written(app: Path) -> None:
    call_command("startworkflow", "orders")

    flows, test = (app / "flows.py").read_text(), (app / "test_flows.py").read_text()
    assert '@workflow("orders.welcome", version=1)' in flows
    assert "from shop.orders.flows import welcome" in test
    assert "$" not in flows + test


def test_the_test_goes_to_the_apps_folder_of_tests(app: Path) -> None:
    (app / "tests").mkdir()

    call_command("startworkflow", "orders")

    assert (app / "tests/test_flows.py").exists()
    assert not (app / "test_flows.py").exists()


@pytest.mark.parametrize("name", ["flows.py", "test_flows.py"])
def test_a_file_that_is_there_is_kept_and_nothing_is_written(app: Path, name: str) -> None:
    (app / name).write_text("mine")

    with pytest.raises(CommandError, match=f"{name} is there already; nothing was written"):
        call_command("startworkflow", "orders")

    assert [(path.name, path.read_text()) for path in app.iterdir()] == [(name, "mine")]


def test_an_app_that_is_not_installed_is_one_sentence() -> None:
    with pytest.raises(CommandError, match=r"No installed app with label 'nowhere'\. Make it with"):
        call_command("startworkflow", "nowhere")


@pytest.mark.parametrize("label", ["auth", "django_q", "workflows"])
def test_nothing_is_written_into_an_app_that_is_not_the_projects(label: str) -> None:
    folder = Path(apps.get_app_config(label).path)
    before = sorted(folder.rglob("*flows.py"))

    with pytest.raises(CommandError, match="is no app of this project; nothing was written"):
        call_command("startworkflow", label)

    assert sorted(folder.rglob("*flows.py")) == before
