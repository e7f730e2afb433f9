"""The environment: what it may say, and the sentence for what it may not."""

from pathlib import Path

import pytest

from toolsite.addresses import WrongEnvironment
from toolsite.env import Environment, read

BASE = Path("/srv/toolsite")
DEMO = {"DATABASE_URL": "postgresql:///toolsite", "TOOLSITE_DEBUG": "1"}
PRODUCTION = {
    "DATABASE_URL": "postgresql://toolsite@db/toolsite",
    "TOOLSITE_SECRET_KEY": "k3y-" + "abcdefghij" * 5,
    "TOOLSITE_ALLOWED_HOSTS": "tools.example.org",
}


def read_demo(**values: str) -> Environment:
    return read({**DEMO, **values}, base_dir=BASE)


def refusal(values: dict[str, str]) -> str:
    with pytest.raises(WrongEnvironment) as refused:
        read(values, base_dir=BASE)
    return str(refused.value)


def test_the_demo_needs_a_database_only() -> None:
    demo = read_demo()

    assert demo.debug
    assert (demo.reservation_seconds, demo.workers, demo.proxies) == (120, 8, 0)
    assert (demo.web_processes, demo.web_threads) == (1, 5)
    assert (demo.link_check_allow, demo.mail_server, demo.secret_key) == ([], None, "")
    assert demo.data_dir == BASE / "var"


def test_without_debug_it_is_production() -> None:
    production = read(PRODUCTION, base_dir=BASE)

    assert not production.debug
    assert production.https
    assert production.allowed_hosts == ["tools.example.org"]
    assert (production.web_processes, production.web_threads) == (2, 5)


def test_a_value_of_spaces_counts_as_unset() -> None:
    assert read_demo(TOOLSITE_RESERVATION_SECONDS="  ").reservation_seconds == 120


@pytest.mark.parametrize("missing", ["TOOLSITE_SECRET_KEY", "TOOLSITE_ALLOWED_HOSTS"])
def test_production_refuses_to_start_without(missing: str) -> None:
    values = {name: value for name, value in PRODUCTION.items() if name != missing}

    assert missing in refusal(values)


@pytest.mark.parametrize("key", ["short", "a" * 60])
def test_production_refuses_a_secret_key_that_is_easy_to_guess(key: str) -> None:
    said = refusal({**PRODUCTION, "TOOLSITE_SECRET_KEY": key})

    assert "at least 50 random characters" in said
    assert key not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOOLSITE_DEBUG", "maybe"),
        ("TOOLSITE_HTTPS", "yes"),
        ("TOOLSITE_RESERVATION_SECONDS", "0"),
        ("TOOLSITE_RESERVATION_SECONDS", "-5"),
        ("TOOLSITE_RESERVATION_SECONDS", "2.5"),
        ("TOOLSITE_RESERVATION_SECONDS", "1_0"),
        ("TOOLSITE_RESERVATION_SECONDS", "two"),
        ("TOOLSITE_RESERVATION_SECONDS", "99999999999999999999"),
        ("TOOLSITE_WEB_PROCESSES", "0"),
        ("TOOLSITE_WEB_THREADS", "65"),
        ("TOOLSITE_SLOTS", "1001"),
        ("TOOLSITE_POOLS", ","),
        ("TOOLSITE_WORKERS", "0"),
        ("TOOLSITE_WORKERS", "٣"),
        ("TOOLSITE_PROXIES", "-1"),
        ("TOOLSITE_LINK_CHECK_ALLOW", "localhost"),
        ("TOOLSITE_LINK_CHECK_ALLOW", "127.0.0.0/8,10.0.0.1/8"),
        ("TOOLSITE_ALLOWED_HOSTS", "https://tools.example.org"),
        ("TOOLSITE_ALLOWED_HOSTS", "tools.example.org:443"),
        ("TOOLSITE_SITE_URL", "tools.example.org"),
        ("TOOLSITE_SITE_URL", "https://tools.example.org/path"),
        ("TOOLSITE_SITE_URL", "https://tools.example.org:port"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "ftp://mail.example.org"),
        ("EMAIL_URL", "smtp://mail.example.org:99999"),
        ("EMAIL_URL", "smtp://"),
        ("DATABASE_URL", "mysql://root@localhost/toolsite"),
        ("DATABASE_URL", "toolsite"),
        ("DATABASE_URL", "postgresql://localhost"),
        ("DATABASE_URL", "postgresql://localhost:port/toolsite"),
        ("DATABASE_URL", "postgresql://localhost/toolsite?no_such_option=1"),
        ("DATABASE_URL", ""),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_it(name: str, value: str) -> None:
    said = refusal({**DEMO, name: value})

    assert name in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://me:hunter2@localhost:port/toolsite"),
        ("DATABASE_URL", "mysql://me:hunter2@localhost/toolsite"),
        ("DATABASE_URL", "postgresql://me:hunter2@localhost/toolsite?nonsense=1"),
        ("EMAIL_URL", "smtp://me:hunter2@mail.example.org:99999"),
    ],
)
def test_a_refusal_never_shows_a_password(name: str, value: str) -> None:
    assert "hunter2" not in refusal({**DEMO, name: value})


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    said = refusal({**DEMO, "TOOLSITE_RESERVATION_SECOND": "5"})

    assert "did you mean TOOLSITE_RESERVATION_SECONDS?" in said


def test_a_database_behind_a_socket_is_understood() -> None:
    database = read_demo(DATABASE_URL="postgresql://me@/tools?host=%2Frun%2Fpg").database

    assert (database.host, database.name, database.user) == ("/run/pg", "tools", "me")


def test_a_database_on_another_host_keeps_its_password_and_options() -> None:
    url = "postgres://me:p%40ss@db.example.org:6543/tools?sslmode=require"

    database = read_demo(DATABASE_URL=url).database

    assert (database.host, database.port, database.password) == ("db.example.org", "6543", "p@ss")
    assert database.options == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("url", "port", "starttls", "tls"),
    [
        ("smtp://mail.example.org", 25, False, False),
        ("submission://mail.example.org", 587, True, False),
        ("smtps://mail.example.org", 465, False, True),
        ("smtp://mail.example.org:2525", 2525, False, False),
    ],
)
def test_a_mail_server_is_understood(url: str, port: int, starttls: bool, tls: bool) -> None:
    server = read_demo(EMAIL_URL=url).mail_server

    assert server is not None
    assert (server.host, server.port) == ("mail.example.org", port)
    assert (server.starttls, server.tls) == (starttls, tls)


def test_networks_of_both_families_are_understood() -> None:
    allowed = read_demo(TOOLSITE_LINK_CHECK_ALLOW="127.0.0.0/8, ::1/128").link_check_allow

    assert allowed == ["127.0.0.0/8", "::1/128"]


def test_a_pooler_has_the_database_itself_beside_it() -> None:
    direct = read_demo(DIRECT_DATABASE_URL="postgresql://toolsite@db:5432/toolsite").direct_database

    assert direct is not None
    assert (direct.host, direct.port, direct.name) == ("db", "5432", "toolsite")
    assert read_demo().direct_database is None
    assert "DIRECT_DATABASE_URL names no database" in refusal(
        {**DEMO, "DIRECT_DATABASE_URL": "postgresql://db"}
    )
