"""Where the database and the mail server are, read from their URLs and checked."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

EMAIL_PORTS = {"smtp": 25, "submission": 587, "smtps": 465}


class WrongEnvironment(ValueError):
    """The environment cannot be used; the message names the variable and says what to write."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where PostgreSQL is, in libpq's words."""

    name: str
    user: str
    password: str
    host: str
    port: str
    options: dict[str, str]
    """Everything else the URL says, such as sslmode."""


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def read_database(url: str, name: str = "DATABASE_URL") -> Database:
    """Return where PostgreSQL is. The URL is libpq's, so a socket folder may be its host."""
    if not url:
        raise WrongEnvironment(
            "DATABASE_URL is not set; write postgresql://user:password@host:5432/name, "
            "or let `python3 run.py` bring its own PostgreSQL."
        )
    if not url.startswith(("postgresql://", "postgres://")):
        scheme = url.split("://", 1)[0] if "://" in url else "no scheme"
        raise WrongEnvironment(
            f"{name} must start with postgresql:// (it has {scheme!r}); no other database will do."
        )
    try:
        parts = {part: str(value) for part, value in conninfo_to_dict(url).items()}
    except psycopg.Error as error:
        # The reason may quote the URL, and the URL may hold a password.
        reason = str(error).strip().splitlines()[0].replace(url, "the URL")
        raise WrongEnvironment(f"{name} cannot be read: {reason}") from None
    if not parts.get("dbname"):
        raise WrongEnvironment(f"{name} names no database; end it with /name.")
    if not re.fullmatch(r"[0-9,]*", parts.get("port", "")):
        raise WrongEnvironment(f"{name} must have a number for its port.")
    return Database(
        name=parts.pop("dbname"),
        user=parts.pop("user", ""),
        password=parts.pop("password", ""),
        host=parts.pop("host", ""),
        port=parts.pop("port", ""),
        options=parts,
    )


def read_mail_server(url: str) -> MailServer | None:
    """Return where mail is handed in: smtp:// (plain), submission:// (STARTTLS), smtps:// (TLS)."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or EMAIL_PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise WrongEnvironment(email_url_help()) from None
    if not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise WrongEnvironment(email_url_help())
    return mail_server(parts, port)


def mail_server(parts: SplitResult, port: int) -> MailServer:
    """Return the mail server a checked EMAIL_URL names."""
    return MailServer(
        host=parts.hostname or "",
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "submission",
        tls=parts.scheme == "smtps",
    )


def email_url_help() -> str:
    """Return the sentence for an EMAIL_URL that cannot be used, which must not quote a password."""
    return (
        "EMAIL_URL must look like submission://user:password@host:587 "
        "(or smtp:// for plain, smtps:// for TLS from the start)."
    )
