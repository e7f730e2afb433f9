"""The test harness, shared by all apps."""
