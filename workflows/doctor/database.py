"""The server and its sessions."""

from collections.abc import Iterator

from workflows.conf import conf
from workflows.doctor.finding import Look, NotLookedAt, Trouble, error, minutes, warning
from workflows.store import at_work
from workflows.store.diagnosis import server

OLDEST = 150_000
"""PostgreSQL 15."""
MOST_USED = 0.8
"""Of the connections there may be."""
SHORTEST_IDLE_SECONDS = 60.0
"""Sessions that show life are idle between two beats; steps may think inside a transaction."""
LONG_TRANSACTION_SECONDS, VERY_LONG_SECONDS = 300.0, 3_600.0
LONG_LOCK_SECONDS = 5.0
OLD_AGE = 1_000_000_000
"""Transactions since the last freeze, of two thousand million."""
ASK_THE_OWNER = "Say so in postgresql.conf, or by ALTER DATABASE … SET, and reload."


def version() -> Iterator[Trouble]:
    found = int(server.load_settings()["server_version_num"])
    if found < OLDEST:
        words = f"the server is PostgreSQL {found // 10_000}"
        yield error(words, "The engine needs PostgreSQL 15 or later: upgrade the server.")


def durability() -> Iterator[Trouble]:
    told = server.load_settings()
    for name in ("fsync", "full_page_writes"):
        if told[name] == "off":
            words = f"{name} is off: a crash of the server may lose or break any of its data"
            yield error(words, f"Set {name} = on. {ASK_THE_OWNER}")
    if told["synchronous_commit"] == "off":
        words = "synchronous_commit is off: after a crash of the server, steps of the last moment are done again"
        yield warning(words, f"Set synchronous_commit = on. {ASK_THE_OWNER}")


def writable() -> Iterator[Trouble]:
    if server.is_standby():
        yield error(
            "the server is a standby, which cannot be written to",
            "Point DATABASES at the primary, or promote this one.",
        )
    if server.load_settings()["default_transaction_read_only"] == "on":
        yield error(
            "default_transaction_read_only is on: nothing can be written",
            f"Set it off. {ASK_THE_OWNER}",
        )


def isolation() -> Iterator[Trouble]:
    level = server.load_settings()["default_transaction_isolation"]
    if level != "read committed":
        yield warning(
            f"default_transaction_isolation is {level!r}: statements that meet others are repeated",
            "The engine's promises hold, its throughput does not: set 'read committed'.",
        )


def timeouts() -> Iterator[Trouble]:
    told = server.load_settings()
    for name, harm in (
        ("idle_session_timeout", "ends the sessions by which workers show that they live"),
        ("idle_in_transaction_session_timeout", "ends atomic steps that think for so long"),
        ("statement_timeout", "ends slow statements of steps, and pruning"),
        ("transaction_timeout", "ends atomic steps that take so long"),
    ):
        seconds = int(told.get(name, "0")) / 1_000
        if 0 < seconds < SHORTEST_IDLE_SECONDS:
            yield warning(
                f"{name} is {seconds:g} s, which {harm}",
                f"Set it to 0, or to more than a minute, for the role of the clusters: "
                f"ALTER ROLE … SET {name} = 0.",
            )


def room_for_connections() -> Iterator[Trouble]:
    told = server.load_settings()
    most = int(told["max_connections"]) - int(told["superuser_reserved_connections"])
    most -= int(told.get("reserved_connections", "0"))
    living = [each for each in at_work.list_workers() if each.lives]
    wanted = sum(min(each.slots, conf().connections) + 1 for each in living)
    wanted += len({each.host for each in living})
    used = server.count_clients()
    advice = (
        'Raise max_connections, lower WORKFLOWS["connections"] or the slots, or put PgBouncer before it: '
        "docs/operations.md, Connections."
    )
    if wanted > most:
        yield error(
            f"the {len(living)} workers may want {wanted} connections, and the server has {most}",
            advice,
        )
    if used > MOST_USED * most:
        yield warning(f"{used} of {most} connections are taken", advice)


def autovacuum() -> Iterator[Trouble]:
    if server.load_settings()["autovacuum"] == "off":
        yield error(
            "autovacuum is off: the table of runs grows, and the queue becomes slow",
            f"Set autovacuum = on. {ASK_THE_OWNER}",
        )
    age = server.transaction_age()
    if age > OLD_AGE:
        yield error(
            f"the database was last frozen {age:,} transactions ago; at 2,000,000,000 it stops",
            "Run VACUUM FREEZE, and look for what holds it up: old transactions, prepared ones, replication slots.",
        )


def old_transactions() -> Iterator[Trouble]:
    oldest = server.oldest_transaction()
    if oldest is not None and oldest.seconds > LONG_TRANSACTION_SECONDS:
        severity = error if oldest.seconds > VERY_LONG_SECONDS else warning
        who = f"pid {oldest.pid} ({oldest.name or oldest.user}, {oldest.state})"
        yield severity(
            f"{who} has had a transaction open for {minutes(oldest.seconds)}, behind which dead rows pile up",
            f"See what it does; SELECT pg_terminate_backend({oldest.pid}) ends it.",
        )
    prepared = server.oldest_prepared()
    if prepared is not None and prepared[1] > LONG_TRANSACTION_SECONDS:
        yield error(
            f"the prepared transaction {prepared[0]!r} has been open for {minutes(prepared[1])}",
            "Nobody ends it by himself: COMMIT PREPARED or ROLLBACK PREPARED.",
        )
    _refuse_hidden()


def _refuse_hidden() -> None:
    """Raise NotLookedAt where sessions of other roles may not be seen."""
    hidden = server.count_hidden()
    if hidden:
        raise NotLookedAt(
            f"{hidden} sessions are of roles whose sessions this one may not see",
            "GRANT pg_read_all_stats TO the role that asks, or ask as pg_monitor.",
        )


def locks() -> Iterator[Trouble]:
    for wait in server.waiting_sessions():
        if wait.seconds > LONG_LOCK_SECONDS:
            others = ", ".join(map(str, wait.blockers)) or "nobody by now"
            yield warning(
                f"pid {wait.pid} ({wait.name}) has waited for a lock for {minutes(wait.seconds)}, held by {others}",
                "See what the holder does: SELECT * FROM pg_stat_activity WHERE pid = …; end it if it is stuck.",
            )
    _refuse_hidden()


LOOKS = (
    Look("version", version, "the server is PostgreSQL 15 or later"),
    Look("durability", durability, "what is committed is on disk"),
    Look("writable", writable, "the server takes writes"),
    Look("isolation", isolation, "transactions are read committed"),
    Look("timeouts", timeouts, "no time limit of the server ends workers or steps"),
    Look("connections", room_for_connections, "there are connections enough"),
    Look("autovacuum", autovacuum, "autovacuum is on, and the database was frozen lately"),
    Look("oldest_transaction", old_transactions, "no transaction has been open for long"),
    Look("locks", locks, "nobody waits long for a lock"),
)
