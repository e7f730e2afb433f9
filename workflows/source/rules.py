"""What workflow code must not do, and how that is known."""

import functools
from dataclasses import dataclass

_STEERING = "workflows.engine.requests.steering"
_UPDATE = "workflows.engine.requests.update"
_RETRY = "workflows.engine.requests.retry"
_PAUSE = ("workflows.engine.requests.pause.pause", "workflows.engine.requests.pause.resume")
_LISTING = "workflows.engine.requests.listing"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that workflow code must not do."""

    id: str
    does: str
    instead: str
    names: tuple[str, ...] = ()
    """Full names; one that ends with a dot stands for every call that begins so."""
    values: tuple[str, ...] = ()
    """Full names of objects; to read any part of one is enough."""
    methods: tuple[str, ...] = ()
    """Methods by which it is known whatever they are called on; ".name" is an attribute."""


RULES = (
    Rule(
        id="workflows.W001",
        does="asks the clock",
        instead="use run.now(), which is the same at every replay",
        names=(
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
            *("datetime.date.today", "time.time", "time.time_ns", "time.localtime", "time.gmtime"),
            *("time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"),
            *("time.strftime", "time.ctime", "time.process_time", "django.utils.timezone.now"),
            *("django.utils.timezone.localtime", "django.utils.timezone.localdate"),
        ),
    ),
    Rule(
        id="workflows.W002",
        does="sleeps in the worker",
        instead="use run.sleep(seconds), which parks the run and holds nothing",
        names=("time.sleep", "asyncio.sleep"),
    ),
    Rule(
        id="workflows.W003",
        does="asks for chance or a fresh id",
        instead="use run.random() or run.uuid(); make secrets in a step",
        names=(
            *("random.", "secrets.", "numpy.random.", "os.urandom", "os.getrandom"),
            *("builtins.hash", "builtins.id"),  # others in each process
            *("uuid.uuid1", "uuid.uuid4", "uuid.uuid7", "django.utils.crypto.get_random_string"),
        ),
    ),
    Rule(
        id="workflows.W004",
        does="reads or changes its machine",
        instead="hand it in as input, or do it in a step",
        names=(
            *("os.getenv", "os.system", "os.listdir", "os.getcwd", "os.getpid"),
            *("builtins.open", "builtins.input", "io.open", "subprocess.", "shutil.", "tempfile."),
            *("socket.gethostname", "platform.node"),
        ),
        values=("os.environ",),
        methods=("read_text", "write_text", "read_bytes", "write_bytes"),
    ),
    Rule(
        id="workflows.W005",
        does="uses the network",
        instead="do it in a step, with a time limit",
        names=(
            *("requests.", "urllib.request.", "http.client.", "socket.", "smtplib.", "ftplib."),
            *("httpx.", "aiohttp.", "urllib3.", "django.core.mail."),
        ),
    ),
    Rule(
        id="workflows.W006",
        does="uses the database",
        instead="do it in a step; atomic=True makes its writes and its record one commit",
        names=(
            *("django.db.connection", "django.db.connections", "django.db.transaction."),
            *("django.shortcuts.get_object_or_404", "django.shortcuts.get_list_or_404"),
        ),
        values=("django.db.models.manager.Manager()", "django.db.models.query.QuerySet()"),
        methods=(
            *(".objects", "._default_manager", "save", "delete", "refresh_from_db", "bulk_create"),
            *("get_or_create", "update_or_create", "select_for_update"),
        ),
    ),
    Rule(
        id="workflows.W008",
        does="starts threads or processes",
        instead="use run.gather(), run.graph() or run.map()",
        names=("threading.", "_thread.", "concurrent.futures.", "multiprocessing.", "asyncio."),
    ),
    Rule(
        id="workflows.W014",
        does="calls the engine past its run",
        instead="use run.start_child() for start(), run.send_event() for send_event(), run.actions for "
        "execute_action(), a step for all else",
        names=(
            *("workflows.engine.requests.start.Start()", "workflows.store.views.get_run"),
            *("workflows.engine.requests.send_event.send_event", f"{_STEERING}.cancel"),
            "workflows.engine.requests.steer_runs.steer_runs",
            *(f"{_UPDATE}.update", f"{_UPDATE}.update_or_start"),
            "workflows.engine.requests.fork.fork",
            "workflows.engine.requests.start_many.start_many",
            "workflows.engine.requests.send_or_start.send_or_start",
            *(
                "workflows.engine.requests.result.result",
                "workflows.engine.requests.result.wait_for",
            ),
            *(
                f"{_STEERING}.compensate",
                f"{_STEERING}.retry_now",
                f"{_RETRY}.retry",
                *_PAUSE,
                f"{_LISTING}.list_runs",
            ),
            *(f"{_LISTING}.list_steps", "workflows.engine.execute_action.execute_action"),
            "workflows.store.views.get_history",
        ),
    ),
    Rule(
        id="workflows.W015",
        does="uses the cache, which forgets when it likes",
        instead="use run.data, or do it in a step",
        values=("django.core.cache.cache", "django.core.cache.caches"),
    ),
    Rule(
        id="workflows.W016",
        does="reads settings, which the next deploy may change under a run",
        instead="hand the value in as input, or read it in a step",
        values=("django.conf.settings",),
    ),
)
"""Known by names and methods."""
STATE = Rule(
    id="workflows.W007",
    does="keeps state outside the run",
    instead="use local variables, run.data, or a step",
)
ORDER = Rule(
    id="workflows.W012",
    does="goes through a set, whose order is another in every process",
    instead="go through sorted(…), or keep a list",
)
CALLED_STEP = Rule(
    id="workflows.W013",
    does="calls a step itself, again at every replay",
    instead="write run.step(…)",
)


@functools.cache
def broken_by(names: tuple[str, ...], last: str, *, is_called: bool) -> Rule | None:
    """Return the rule that something breaks. names: its full names. last: the attribute by which it
    is reached, on whatever it may be; "" where that says nothing."""
    for rule in RULES:
        if any(_is_named(name, rule, is_called) for name in names):
            return rule
        if last and (last if is_called else f".{last}") in rule.methods:
            return rule
    return None


def _is_named(name: str, rule: Rule, is_called: bool) -> bool:
    if any(name == value or name.startswith(f"{value}.") for value in rule.values):
        return True
    for forbidden in rule.names:
        if forbidden.endswith("."):
            if is_called and name.startswith(forbidden):
                return True
        elif name == forbidden or (is_called and name.startswith(f"{forbidden}.")):
            return True
    return False
