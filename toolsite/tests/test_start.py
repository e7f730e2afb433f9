"""How the site starts, or says why it does not: manage.py and the web server with real processes."""

import subprocess
from pathlib import Path

import pytest

from ops.free_port import free_port
from ops.places import PYTHON, ROOT
from ops.site import web_command
from toolsite.tests.live_site import database_url

GOOD_KEY = "k3y-" + "abcdefghij" * 5
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
PRODUCTION = {
    "DATABASE_URL": NOWHERE,
    "TOOLSITE_DEBUG": "0",
    "TOOLSITE_SECRET_KEY": GOOD_KEY,
    "TOOLSITE_ALLOWED_HOSTS": "tools.example.org",
    "EMAIL_URL": "smtps://tools:secret@mail.example.org",
}


def run(command: list[str | Path], values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that sees no other settings than these."""
    env = {"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "toolsite.settings", **values}
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def manage(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    return run([PYTHON, "manage.py", *arguments], values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": "mysql://localhost/x", "TOOLSITE_DEBUG": "1"},
        {"DATABASE_URL": NOWHERE, "TOOLSITE_DEBUG": "maybe"},
        {"DATABASE_URL": NOWHERE, "TOOLSITE_DEBUG": "1", "TOOLSITE_DEBUGG": "1"},
        {**PRODUCTION, "TOOLSITE_SECRET_KEY": ""},
        {**PRODUCTION, "TOOLSITE_ALLOWED_HOSTS": ""},
    ],
)
def test_a_wrong_environment_is_one_line_and_exit_code_2(wrong: dict[str, str]) -> None:
    done = manage("check", **wrong)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("toolsite: ")


def test_the_web_server_does_not_start_on_a_wrong_environment() -> None:
    values = {"DATABASE_URL": NOWHERE, "TOOLSITE_DEBUG": "maybe"}

    done = run(web_command(free_port()), values)

    assert done.returncode != 0
    assert "TOOLSITE_DEBUG must be 1 or 0" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_check_deploy_has_nothing_to_say_about_a_site_set_up_well(tmp_path: Path) -> None:
    done = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        **PRODUCTION,
        TOOLSITE_DATA_DIR=str(tmp_path),
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_check_deploy_warns_where_the_link_check_may_reach_inside() -> None:
    done = manage("check", "--deploy", **PRODUCTION, TOOLSITE_LINK_CHECK_ALLOW="10.0.0.0/8")

    assert "toolsite.W001" in done.stderr
    assert "10.0.0.0/8" in done.stderr


@pytest.mark.django_db
def test_check_deploy_counts_the_connections() -> None:
    values = {**PRODUCTION, "DATABASE_URL": database_url()}

    few = manage("check", "--deploy", **values)
    many = manage("check", "--deploy", **values, TOOLSITE_WEB_PROCESSES="45", TOOLSITE_WORKERS="4")

    assert "toolsite.W002" not in few.stderr
    assert "may open 336 database connections" in many.stderr
    assert "45 processes * (5 + 2) threads = 315" in many.stderr


def test_check_deploy_warns_where_https_is_off() -> None:
    done = manage("check", "--deploy", **PRODUCTION, TOOLSITE_HTTPS="0")

    assert "security.W008" in done.stderr


@pytest.mark.django_db
def test_production_makes_no_demo_data(tmp_path: Path) -> None:
    values = {**PRODUCTION, "DATABASE_URL": database_url()}

    done = manage("prepare_site", **values, TOOLSITE_DATA_DIR=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["static"]


def test_the_demo_keeps_one_secret_key_for_its_owner_only(tmp_path: Path) -> None:
    values = {
        "DATABASE_URL": NOWHERE,
        "TOOLSITE_DEBUG": "1",
        "TOOLSITE_DATA_DIR": str(tmp_path / "data"),
    }
    show = "from django.conf import settings; import sys; sys.stdout.write(settings.SECRET_KEY)"

    first, second = (run([PYTHON, "-c", show], values) for _ in range(2))

    assert len(first.stdout) >= 50
    assert first.stdout == second.stdout
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600
