"""Durable workflows for Django on PostgreSQL: ordinary functions that survive crashes.

Import from `workflows.api`; nothing is re-exported here, because models cannot be imported
before Django has loaded its apps.
"""
