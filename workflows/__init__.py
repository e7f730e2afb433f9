"""Durable workflows for Django on PostgreSQL: ordinary functions that survive crashes.

Import from `workflows.api`. Only what a settings file needs is here, because models cannot be
imported before Django has loaded its apps.
"""

from workflows.q_cluster import cluster_settings

__all__ = ["cluster_settings"]
