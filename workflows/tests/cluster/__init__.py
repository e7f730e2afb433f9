"""Real clusters, on the test's own database: a tests-only app that their processes load, and tests."""
