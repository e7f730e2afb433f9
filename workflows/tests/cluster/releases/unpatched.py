"""The release before a change in place."""

from workflows.api import Context, workflow
from workflows.tests.cluster.flows import atomic_effect


@workflow("deploy.rounds")
def rounds(run: Context) -> list[str]:
    """An event and a step, three times."""
    done = []
    for number in range(3):
        run.wait_event("next")
        done.append(run.step(atomic_effect, f"old {number}"))
    return done
