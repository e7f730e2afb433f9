"""The release that has dropped version 1 of its workflow."""

from workflows.api import Context, workflow
from workflows.tests.cluster.flows import atomic_effect, effect
from workflows.tests.cluster.releases.ways import go


@workflow("deploy.order", version=2)
def order(run: Context, way: str, gate: str = "", crash_at: str | None = None) -> str:
    """Another story: a run of the one fits no code of the other."""
    run.set_status("Of the second release")
    run.step(effect, "v2 begins")
    run.step(atomic_effect, "v2 checks")
    go(run, way, gate, "v2")
    run.step(atomic_effect, "v2 ends")
    return "v2"
