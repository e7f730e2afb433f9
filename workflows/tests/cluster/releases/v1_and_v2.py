"""The release that has both versions of its workflow side by side."""

from workflows.tests.cluster.releases import v1, v2

__all__ = ["v1", "v2"]
