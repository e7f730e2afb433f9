"""Drive runs in a test, without a cluster; works in TestCase and TransactionTestCase."""

from workflows.testing.driving import drive_until_idle, pass_time

__all__ = ["drive_until_idle", "pass_time"]
