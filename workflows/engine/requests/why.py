"""Why does a run not move?"""

from workflows.core.errors import RunNotFound
from workflows.core.run import RunId
from workflows.core.why import reason_of
from workflows.core.why_facts import Facts, Reason
from workflows.definitions.workflow import named_pool
from workflows.engine.requests.listing import steps_of
from workflows.store.standing import load_standing
from workflows.store.views import get_history, get_run


def why(run: RunId, *, decrypt: bool = True) -> Reason:
    """Say in one sentence why a run is where it is, when it goes on by itself, and what helps.

    Four queries. Raises RunNotFound. decrypt: as in get_run.
    """
    view = get_run(run, decrypt=decrypt)
    standing = load_standing(view.id)
    if standing is None:
        raise RunNotFound(f"no run {view.id}")
    lines = get_history(view.id, decrypt=decrypt)
    return reason_of(
        Facts(
            run=view,
            lines=lines,
            steps=steps_of(view, lines),
            pool=view.step_pool or named_pool(view.workflow, view.version),
            **standing._asdict(),
        )
    )
