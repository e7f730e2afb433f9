"""Several steps at once: gather and graph."""
