"""The first release."""

from workflows.api import Context, workflow
from workflows.tests.cluster.flows import atomic_effect
from workflows.tests.cluster.releases.ways import go


@workflow("deploy.order", version=1)
def order(run: Context, way: str, gate: str = "", crash_at: str | None = None) -> str:
    """Two atomic steps with something between them."""
    run.step(atomic_effect, "v1 begins")
    go(run, way, gate, "v1")
    run.step(atomic_effect, "v1 ends")
    return "v1"
