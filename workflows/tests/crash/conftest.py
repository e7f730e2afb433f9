"""Every test here starts real clusters, or shares one."""

from workflows.tests.cluster.fixtures import (
    lab,
    own_lab,
    postgres,
    shared_cluster,
    shared_lab,
    transactional_db,
)

__all__ = ["lab", "own_lab", "postgres", "shared_cluster", "shared_lab", "transactional_db"]
