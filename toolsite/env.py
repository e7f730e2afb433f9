"""The environment, read once and checked: a wrong value is one clear line, never a traceback.

Only `toolsite.settings` asks. Every name is optional in demo mode except DATABASE_URL.
"""

import difflib
import ipaddress
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from toolsite.addresses import (
    Database,
    MailServer,
    WrongEnvironment,
    read_database,
    read_mail_server,
)

KNOWN_NAMES = frozenset(
    {
        "TOOLSITE_ALLOWED_HOSTS",
        "TOOLSITE_DATA_DIR",
        "TOOLSITE_DEBUG",
        "TOOLSITE_HTTPS",
        "TOOLSITE_LINK_CHECK_ALLOW",
        "TOOLSITE_METRICS_TOKEN",
        "TOOLSITE_POOLS",
        "TOOLSITE_PROXIES",
        "TOOLSITE_RESERVATION_SECONDS",
        "TOOLSITE_SECRET_KEY",
        "TOOLSITE_SITE_URL",
        "TOOLSITE_SLOTS",
        "TOOLSITE_WEB_PROCESSES",
        "TOOLSITE_WEB_THREADS",
        "TOOLSITE_WORKERS",
    }
)
"""Every TOOLSITE_ name there is; another one is refused, with a suggestion."""

MIN_SECRET_KEY_CHARACTERS = 50
MAX_RESERVATION_SECONDS = 24 * 3600
MAX_WORKERS = 256
MAX_SLOTS = 1_000
MAX_WEB_PROCESSES = 64
MAX_WEB_THREADS = 64
MAX_PROXIES = 10
HOST_NAME = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What the environment says, in types."""

    debug: bool
    """Demo mode: demo data allowed, mail to files, plain HTTP on this machine only."""
    database: Database
    direct_database: Database | None  # PostgreSQL itself, where the other is a pooler's
    secret_key: str
    """Empty in demo mode, where a random one is kept in the data folder."""
    allowed_hosts: list[str]
    data_dir: Path
    reservation_seconds: int
    """How long a new board's reservations wait for details."""
    site_url: str
    """Its own address in mails, without a slash at the end; empty: made from the host."""
    link_check_allow: list[str]
    """Networks (CIDR) that the link check may reach although they are not public."""
    mail_server: MailServer | None
    """None: every mail becomes a file in the data folder."""
    workers: int
    """Worker processes of one cluster."""
    slots: int
    """Runs that one of them drives at a time."""
    metrics_token: str
    """Who sends it may read /metrics; empty: nobody."""
    pools: list[str]
    """The pools of workflows and steps that a cluster drives."""
    web_processes: int
    web_threads: int  # of each process, and a database connection for each
    https: bool
    """Production only: cookies, redirects and HSTS insist on HTTPS."""
    proxies: int
    """Reverse proxies in front, whose X-Forwarded-For and X-Forwarded-Proto are believed."""


def read(environ: Mapping[str, str], *, base_dir: Path) -> Environment:
    """Return the checked environment. Raises WrongEnvironment at the first wrong value."""
    refuse_unknown_names(environ)
    values = {name: value.strip() for name, value in environ.items() if value.strip()}
    debug = read_flag(values, "TOOLSITE_DEBUG", default=False)
    direct = values.get("DIRECT_DATABASE_URL")
    return Environment(
        debug=debug,
        database=read_database(values.get("DATABASE_URL", "")),
        direct_database=read_database(direct, "DIRECT_DATABASE_URL") if direct else None,
        secret_key=read_secret_key(values.get("TOOLSITE_SECRET_KEY", ""), needed=not debug),
        allowed_hosts=read_hosts(values.get("TOOLSITE_ALLOWED_HOSTS", ""), needed=not debug),
        data_dir=base_dir / values.get("TOOLSITE_DATA_DIR", "var"),
        reservation_seconds=read_number(
            values, "TOOLSITE_RESERVATION_SECONDS", 120, at_most=MAX_RESERVATION_SECONDS
        ),
        site_url=read_site_url(values.get("TOOLSITE_SITE_URL", "")),
        link_check_allow=read_networks(values.get("TOOLSITE_LINK_CHECK_ALLOW", "")),
        mail_server=read_mail_server(values.get("EMAIL_URL", "")),
        workers=read_number(values, "TOOLSITE_WORKERS", 8, at_most=MAX_WORKERS),
        slots=read_number(values, "TOOLSITE_SLOTS", 16, at_most=MAX_SLOTS),
        metrics_token=values.get("TOOLSITE_METRICS_TOKEN", ""),
        pools=read_pools(values.get("TOOLSITE_POOLS", "default")),
        web_processes=read_number(
            values, "TOOLSITE_WEB_PROCESSES", 1 if debug else 2, at_most=MAX_WEB_PROCESSES
        ),
        web_threads=read_number(values, "TOOLSITE_WEB_THREADS", 5, at_most=MAX_WEB_THREADS),
        https=read_flag(values, "TOOLSITE_HTTPS", default=True),
        proxies=read_number(values, "TOOLSITE_PROXIES", 0, at_least=0, at_most=MAX_PROXIES),
    )


def read_or_exit(environ: Mapping[str, str], *, base_dir: Path) -> Environment:
    """Return the checked environment, or end the process: one line on stderr, exit code 2."""
    try:
        return read(environ, base_dir=base_dir)
    except WrongEnvironment as wrong:
        sys.stderr.write(f"toolsite: {wrong}\n")
        raise SystemExit(2) from None


def refuse_unknown_names(environ: Mapping[str, str]) -> None:
    """Raise WrongEnvironment for a TOOLSITE_ name that nothing reads."""
    for name in sorted(environ):
        if name.startswith("TOOLSITE_") and name not in KNOWN_NAMES:
            close = difflib.get_close_matches(name, sorted(KNOWN_NAMES), n=1)
            hint = f"did you mean {close[0]}?" if close else "docs/settings.md lists them all."
            raise WrongEnvironment(f"there is no setting {name}; {hint}")


def read_flag(values: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return a switch that is written 1 or 0."""
    value = values.get(name, "1" if default else "0")
    if value not in {"0", "1"}:
        raise WrongEnvironment(f"{name} must be 1 or 0, not {value!r}.")
    return value == "1"


def read_number(
    values: Mapping[str, str], name: str, default: int, *, at_least: int = 1, at_most: int
) -> int:
    """Return a whole number within its bounds."""
    value = values.get(name, str(default))
    # int() would also take "1_0", "+5" and other scripts' digits.
    number = int(value) if re.fullmatch(r"[0-9]{1,9}", value) else at_least - 1
    if not at_least <= number <= at_most:
        raise WrongEnvironment(
            f"{name} must be a whole number from {at_least} to {at_most}, not {value!r}."
        )
    return number


def read_secret_key(value: str, *, needed: bool) -> str:
    """Return the signing key; production insists on a long one."""
    if not value and not needed:
        return ""
    if len(value) < MIN_SECRET_KEY_CHARACTERS or len(set(value)) < 5:
        raise WrongEnvironment(
            f"TOOLSITE_SECRET_KEY must be at least {MIN_SECRET_KEY_CHARACTERS} random characters "
            "in production; make one with: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(50))" '
            "(or set TOOLSITE_DEBUG=1 for the demo)."
        )
    return value


def read_hosts(value: str, *, needed: bool) -> list[str]:
    """Return the host names the site answers to."""
    hosts = [host.strip() for host in value.split(",") if host.strip()]
    if needed and not hosts:
        raise WrongEnvironment(
            "TOOLSITE_ALLOWED_HOSTS must name the site's hosts in production, separated by "
            "commas, such as tools.example.org (or set TOOLSITE_DEBUG=1 for the demo)."
        )
    for host in hosts:
        if not HOST_NAME.fullmatch(host):
            raise WrongEnvironment(
                f"TOOLSITE_ALLOWED_HOSTS holds {host!r}; write host names only, "
                "without scheme, port or path."
            )
    return hosts


def read_site_url(url: str) -> str:
    """Return the address that mails link to, without a slash at the end."""
    try:
        parts = urlsplit(url.rstrip("/"))
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if url and (not usable or parts.path or parts.query or parts.fragment):
        raise WrongEnvironment(
            f"TOOLSITE_SITE_URL must look like https://tools.example.org, not {url!r}."
        )
    return url.rstrip("/")


def read_networks(value: str) -> list[str]:
    """Return networks in CIDR notation."""
    networks = [network.strip() for network in value.split(",") if network.strip()]
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise WrongEnvironment(
                f"TOOLSITE_LINK_CHECK_ALLOW must list networks such as 127.0.0.0/8: {error}."
            ) from None
    return networks


def read_pools(value: str) -> list[str]:
    """Return names; whether there are such pools, the cluster says when it starts."""
    pools = [pool.strip() for pool in value.split(",") if pool.strip()]
    if not pools:
        raise WrongEnvironment(
            f"TOOLSITE_POOLS must name pools, separated by commas, such as default,gpu, not {value!r}."
        )
    return pools
