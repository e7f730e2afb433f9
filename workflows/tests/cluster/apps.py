"""The tests-only app: lets a cluster's processes say which is which, and die where they are told;
loads the release that the cluster has the code of."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig


class LabConfig(AppConfig):
    """Loaded by the clusters of these tests only (settings.py)."""

    name = "workflows.tests.cluster"
    label = "lab"

    def ready(self) -> None:
        from django_q.cluster import Sentinel

        from workflows.tests.cluster import crash_points, settings

        spawn = Sentinel.spawn_process
        roles = settings.LAB_FOLDER / "roles"

        def spawn_and_tell(sentinel: Any, target: Any, *args: Any) -> Any:
            (roles / str(sentinel.pid)).write_text("sentinel")
            process = spawn(sentinel, target, *args)
            (roles / str(process.pid)).write_text(target.__name__)
            return process

        Sentinel.spawn_process = spawn_and_tell
        import_module("workflows.tests.cluster.pools")
        import_module("workflows.tests.cluster.waiting_steps")
        if settings.LAB_RELEASE is not None:
            import_module(f"workflows.tests.cluster.releases.{settings.LAB_RELEASE}")
        if settings.LAB_CRASHES:
            crash_points.install(settings.LAB_FOLDER)
