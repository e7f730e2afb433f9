"""Every test here starts real clusters, or shares one."""

from workflows.tests.cluster.fixtures import lab, shared_cluster, shared_lab, transactional_db

__all__ = ["lab", "shared_cluster", "shared_lab", "transactional_db"]
