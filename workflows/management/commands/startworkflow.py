"""manage.py startworkflow APP: a first workflow with its step and its test."""

from pathlib import Path
from string import Template
from typing import Any

from django.apps import AppConfig, apps
from django.core.management.base import BaseCommand, CommandError, CommandParser

TEMPLATES = Path(__file__).resolve().parents[1] / "startworkflow"

NOT_YOURS = {"site-packages", "dist-packages"}
"""Where distributions are installed: what is written there is lost at the next upgrade."""


class Command(BaseCommand):
    """Writes flows.py and test_flows.py into an installed app; never over a file that is there."""

    help = "Write a workflow, a step and a test that passes into an app."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help="label of an installed app")

    def handle(self, *args: Any, **options: Any) -> None:
        app = _installed(options["app"])
        folder = Path(app.path)
        if app.name == "workflows" or not NOT_YOURS.isdisjoint(folder.parts):
            raise CommandError(
                f"{app.name} is installed in {folder} and is no app of this project; nothing was "
                "written. Name one that `manage.py startapp` has made."
            )
        tests = folder / "tests" if (folder / "tests").is_dir() else folder
        written = {"flows": folder / "flows.py", "test_flows": tests / "test_flows.py"}
        for path in written.values():
            if path.exists():
                raise CommandError(f"{path} is there already; nothing was written")
        for name, path in written.items():
            template = Template((TEMPLATES / f"{name}.txt").read_text())
            path.write_text(template.substitute(label=app.label, package=app.name))
            self.stdout.write(f"wrote {path}")
        self.stdout.write("Clusters that run know it once they are started again.")


def _installed(label: str) -> AppConfig:
    try:
        return apps.get_app_config(label)
    except LookupError as unknown:
        raise CommandError(
            f"{unknown} Make it with `manage.py startapp {label}` and add it to INSTALLED_APPS."
        ) from None
