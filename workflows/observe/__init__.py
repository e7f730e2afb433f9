"""Listeners: what the engine announces, turned into log lines."""
