"""GET /metrics for Prometheus: what the engine counts, and what the project adds. Needs the extra `metrics`."""
