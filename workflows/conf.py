"""Every engine setting: name, type, unit, default. Read from settings.WORKFLOWS."""

import copy
import functools
from dataclasses import dataclass, fields
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from workflows.core.errors import DefinitionError
from workflows.core.pool import DEFAULT_POOL, check_pools
from workflows.core.retention import Pairs, hashable, read_rules, seconds_of
from workflows.core.retry import RetryPolicy
from workflows.core.sealed import PayloadCodec

NO_NUMBERS = frozenset(
    {
        *(
            "admin_decrypts",
            "codec",
            "default_retry",
            "direct_database",
            "keep_keys",
            "keep_statistics",
        ),
        *("metrics_addresses", "metrics_token", "pools"),
        "retention",
    }
)
MOST_SLOTS = 1_000
WHOLE_NUMBERS = {"connections": MOST_SLOTS, "slots": MOST_SLOTS}
"""Settings that count something, and the most of it."""
NOTHING_SAID = Pairs()
LARGEST = 3_155_760_000
"""A century in seconds; PostgreSQL has no name for the time that is much later."""


@dataclass(frozen=True, kw_only=True)
class Conf:
    """The settings in force. All durations are seconds."""

    lease_seconds: float = 15.0
    """A worker that stands still or cannot be reached for this long loses its run, even if its
    connection lives on."""
    poll_seconds: float = 0.5
    """How often a cluster looks for due runs and lost workers when nobody rings."""
    slots: int = 1
    """How many runs one worker process drives at a time. One: in its main thread; more: in threads."""
    pools: tuple[str, ...] = (DEFAULT_POOL,)
    """The pools of workflows that this cluster drives; `runcluster --pool` goes before."""
    max_payload_bytes: int = 256 * 1024
    """Largest input, output, event payload or chunk of a stream, as JSON."""
    max_stream_bytes: int = 16 * 1024 * 1024
    """So much may the steps of one run emit, as JSON; each chunk counts 64 bytes besides."""
    max_crashes: int = 5
    """A run that loses this many workers (or the connection inside an atomic step) in a row without
    progress is blocked."""
    newer_code_seconds: float = 3600.0
    """A run that took a patch which no worker knows any more is blocked after so long."""
    connections: int = 8
    """So many connections to the database do the drives of a worker share. A step that keeps one for
    longer than a second has it besides."""
    direct_database: str = "default"
    """The alias, in DATABASES, by which pushers and liveness reach PostgreSQL itself: the default one may
    go through a pooler that gives each transaction another session."""
    stall_seconds: float = 3.0
    """A cluster whose tasks wait this long beside idle workers is started again."""

    many_operations: float = 10_000
    """A run that goes beyond so many operations (steps, waits, children …) is told of, once."""
    max_operations: float = 50_000
    """A run that would go beyond so many is blocked, with the advice to continue_as_new."""
    keep_keys: str = "365d"
    """So long the key of a run that was pruned refuses a second start."""
    keep_statistics: str = "90d"
    """So long figures are kept, by six hours; shorter spans go sooner, and what is counted for ever stays."""
    metrics_token: str = ""
    """Who sends it as a bearer token may read the metrics."""
    metrics_addresses: tuple[str, ...] = ()
    """Addresses and networks from which they may be read without it."""
    retention: Pairs = NOTHING_SAID
    """How long runs are kept once they have ended: by workflow ("*": any other) a span of time, or one
    for each end state; None, and what is not named: for ever."""

    default_retry: Pairs | RetryPolicy = NOTHING_SAID
    """When a step that says nothing is tried again: what RetryPolicy takes."""

    codec: Any = None
    """What encrypts the values that runs keep: an object, or the dotted path of one or of what makes
    one; None: they are kept as they are."""
    admin_decrypts: bool = False
    """Whether the admin shows encrypted values, as far as the web process has their keys."""

    @functools.cached_property
    def payload_codec(self) -> PayloadCodec | None:
        """What codec says. Raises ValueError."""
        found = self.codec
        if isinstance(found, str):
            try:
                found = import_string(found)
            except ImportError as exc:
                raise ValueError(f"{self.codec!r} cannot be imported: {exc}") from None
            if not hasattr(found, "encrypt") or isinstance(found, type):
                found = found() if callable(found) else found
        works = all(callable(getattr(found, each, None)) for each in ("encrypt", "decrypt"))
        if found is None or (works and isinstance(getattr(found, "writes", None), str)):
            codec: PayloadCodec | None = found
            return codec
        raise ValueError(
            f"a {type(found).__name__} does not encrypt; give workflows.encryption.AesGcm(keys=…), or "
            "an object with encrypt, decrypt and writes"
        )

    @functools.cached_property
    def retry_policy(self) -> RetryPolicy:
        """What default_retry says. Raises ValueError."""
        given = self.default_retry
        if isinstance(given, RetryPolicy):
            return given
        if not isinstance(given, Pairs):
            raise ValueError(f"{given!r:.80} is no dictionary of what RetryPolicy takes")
        try:
            return RetryPolicy(**dict(given))
        except (TypeError, DefinitionError) as exc:
            raise ValueError(str(exc)) from None

    def __post_init__(self) -> None:
        self._check_numbers()
        for name, read in (
            ("keep_keys", seconds_of),
            ("keep_statistics", seconds_of),
            ("metrics_addresses", _networks),
            ("metrics_token", _text),
            ("pools", check_pools),
            ("retention", read_rules),
            ("default_retry", lambda _: self.retry_policy),
            ("codec", lambda _: self.payload_codec),
            ("admin_decrypts", _refuse_no_bool),
        ):
            try:
                read(getattr(self, name))
            except ValueError as exc:
                raise ImproperlyConfigured(f"WORKFLOWS[{name!r}]: {exc}") from None
        if self.direct_database not in settings.DATABASES:
            raise ImproperlyConfigured(
                f"WORKFLOWS['direct_database'] is {self.direct_database!r:.80}; name one of DATABASES: "
                + ", ".join(sorted(settings.DATABASES))
            )

    def _check_numbers(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in NO_NUMBERS:
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            most = WHOLE_NUMBERS.get(field.name)
            if most is None:
                fits, wanted = (
                    is_number and 0 < value <= LARGEST,
                    f"number above 0, up to {LARGEST:,}",
                )
            else:
                fits = is_number and isinstance(value, int) and 1 <= value <= most
                wanted = f"whole number from 1 to {most:,}"
            if not fits:
                raise ImproperlyConfigured(
                    f"WORKFLOWS[{field.name!r}] is {value!r:.80}; give a {wanted}"
                )


def _networks(given: Any) -> None:
    if isinstance(given, str) or not all(isinstance(each, str) for each in given):
        raise ValueError(f"{given!r:.80} is no list of addresses; write ['10.0.0.0/8']")
    for each in given:
        ip_network(each)


def _text(given: Any) -> None:
    if not isinstance(given, str):
        raise ValueError(f"{type(given).__name__} is no text")


def _refuse_no_bool(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r:.80} is neither True nor False")


def conf() -> Conf:
    """Return the settings in force now (override_settings works in tests)."""
    global _last
    given = getattr(settings, "WORKFLOWS", {})
    if _last is None or given is not _last[0] or given != _last[1]:
        found = _read(given)
        # A codec is itself: a copy of one would be another, and differ each time.
        kept = {id(found.codec): found.codec}
        _last = given, copy.deepcopy(given, kept), found
    return _last[2]


_last: tuple[Any, Any, Conf] | None = None
"""Drives ask at every step: the settings as they were given, a copy of them then, and what they say."""


def _read(given: Any) -> Conf:
    if not isinstance(given, dict):
        raise ImproperlyConfigured(f"WORKFLOWS is {given!r}; give a dictionary")
    known = [field.name for field in fields(Conf)]
    for name in given:
        if name not in known:
            hint = get_close_matches(str(name), known, n=1)
            raise ImproperlyConfigured(
                f"WORKFLOWS has no setting {name!r}"
                + (f"; did you mean {hint[0]!r}?" if hint else "")
            )
    return Conf(**{name: hashable(value) for name, value in given.items()})
