"""The release with the change in place."""

from workflows.api import Context, workflow
from workflows.tests.cluster.flows import atomic_effect


@workflow("deploy.rounds")
def rounds(run: Context) -> list[str]:
    """The same, with other steps for runs that had not come to the first of them."""
    done = []
    for number in range(3):
        run.wait_event("next")
        way = "new" if run.patched("new-steps") else "old"
        done.append(run.step(atomic_effect, f"{way} {number}"))
    return done
