"""Who may import whom: a row for each room. docs/architecture.md shows the same tables.

A room is a file or a package; it always sees itself. What a table does not name is in no room, and
test_architecture.py asks for one.
"""

Table = dict[str, set[str]]

WORKFLOWS: Table = {
    "__init__": {"q_cluster"},
    "core": set(),
    "conf": set(),
    "q_cluster": set(),
    "signals": set(),
    "ui": set(),
    "templatetags": {"ui"},
    "definitions": {"core"},
    "source": {"core", "definitions"},
    "models": {"core"},
    "store": {"core", "models"},
    "engine": {"core", "conf", "signals", "definitions", "source", "store"},
    "cluster": {"core", "conf", "signals", "store", "engine"},
    "observe": {"signals"},
    "api": {"core", "signals", "definitions", "store", "engine"},
    "tasks": {"engine", "cluster"},
    "admin": {"api", "models", "ui"},
    "management": {"api", "conf", "q_cluster", "definitions", "engine", "cluster"},
    "testing": {"api", "core", "conf", "models", "definitions", "store", "engine"},
    "checks": {"conf", "definitions", "source"},
    "installation": {"q_cluster"},
    "apps": {"checks", "installation", "observe", "q_cluster"},
}

ENGINE: Table = {
    "announcements": set(),
    "requests": {"announcements"},
    "session": {"announcements"},
    "attempts": {"announcements", "session"},
    "groups": {"session", "attempts"},
    "children": {"announcements", "requests", "session", "attempts"},
    "verbs": {"requests", "session", "attempts", "groups", "children"},
    "drive": {"announcements", "requests", "session", "attempts", "verbs"},
    "execute_action": {"announcements", "requests", "session", "attempts", "verbs", "drive"},
    "worker_loop": {"announcements", "session", "attempts", "drive"},
    "replay_check": {"session", "drive"},
    "history_export": {"replay_check"},
}
"""The rooms inside `engine`: what each may import besides what all of the engine may."""

SUBMISSIONS: Table = {
    "__init__": set(),
    "states": set(),
    "causes": set(),
    "constraint": set(),
    "conf": set(),
    "link_check": set(),
    "templatetags": {"discovery", "workflows.ui"},
    "link_tries": {"workflows.api"},
    "details": {"link_check"},
    "demo": {"states"},
    "seats": set(),
    "usage": set(),
    "waiting": set(),
    "models": {"conf", "states", "usage", "waiting"},
    "errors": {"models"},
    "release": set(),
    "too_much": {"errors"},
    "limits": {"conf", "too_much", "usage"},
    "asker": {"limits"},
    "discovery": {"models"},
    "http": {"errors", "release"},
    "notices": {"models", "states"},
    "review_run": {"models", "workflows.api"},
    "offers": {"constraint", "models", "review_run", "seats", "states"},
    "moves": {"constraint", "details", "models", "offers", "states"},
    "steps": {
        "conf",
        "link_check",
        "link_tries",
        "models",
        "moves",
        "notices",
        "states",
        "workflows.api",
    },
    "upkeep": {"link_check", "link_tries", "models", "notices", "steps", "workflows.api"},
    "flows": {"causes", "states", "steps", "upkeep", "workflows.api"},
    "progress": {"causes", "models", "states", "workflows.api"},
    "selectors": {"errors", "models", "states"},
    "directory": {"models", "states"},
    "allowance": {"conf", "limits", "models", "selectors"},
    "board_version": {"errors", "models"},
    "slot_board": {"board_version", "models", "selectors", "states"},
    "board_part": {"board_version", "http", "models", "selectors", "slot_board"},
    "context": {"selectors"},
    "services": {
        "conf",
        "constraint",
        "details",
        "errors",
        "flows",
        "limits",
        "models",
        "moves",
        "review_run",
        "seats",
        "selectors",
        "states",
        "workflows.api",
        "too_much",
    },
    "forms": {"conf", "details", "errors", "link_check", "models", "states"},
    "pages": {
        "allowance",
        "board_part",
        "errors",
        "forms",
        "http",
        "models",
        "progress",
        "selectors",
        "slot_board",
        "states",
        "workflows.api",
    },
    "views": {
        "asker",
        "board_part",
        "directory",
        "errors",
        "forms",
        "http",
        "limits",
        "models",
        "pages",
        "selectors",
        "services",
        "too_much",
    },
    "waitlist_views": {"errors", "http", "models", "selectors", "services"},
    "urls": {"discovery", "views", "waitlist_views"},
    "admin_actions": {"errors", "models", "services", "workflows.ui"},
    "admin": {"admin_actions", "models", "workflows.ui"},
    "management": {
        "demo",
        "details",
        "models",
        "services",
        "states",
    },
    "checks": {"conf"},
    "apps": {"checks"},
}

TOOLSITE: Table = {
    "__init__": set(),
    "env": set(),
    "secret_key": set(),
    "error_pages": set(),
    "outage": set(),
    "postgresql": set(),
    "log_lines": set(),
    "checks": {"web"},
    "deploy_checks": set(),
    "mail_files": set(),
    "settings": {"env", "log_lines", "secret_key", "workflows.__init__"},
    "health": {"outage", "postgresql", "workflows.api"},
    "door": {"error_pages", "health"},
    "accounts": {"submissions.notices", "workflows.api"},
    "sign_up": {"submissions.asker", "submissions.http", "submissions.limits"},
    "urls": {"error_pages", "sign_up"},
    "apps": {"accounts", "checks", "deploy_checks", "outage", "postgresql"},
    "wsgi": set(),
    "web": set(),
    "asgi": {"wsgi", "web", "ops.process"},
    "management": {"web", "ops.site"},
}


def named_in_full(app: str, table: Table) -> Table:
    """Return the table with the app before each room; a name with a dot is another app's."""

    def full(room: str) -> str:
        return room if "." in room else f"{app}.{room}"

    return {full(room): {full(each) for each in below} for room, below in table.items()}


MAY_IMPORT: Table = {
    **named_in_full("workflows", WORKFLOWS),
    **named_in_full("workflows.engine", ENGINE),
    **named_in_full("submissions", SUBMISSIONS),
    **named_in_full("toolsite", TOOLSITE),
    "ops": set(),
    "bench": {
        "ops",
        "workflows.api",
        "workflows.testing",
        "submissions.models",
        "toolsite.settings",
    },
}
"""Every room by its full name. A room inside another sees what the outer one may see."""
