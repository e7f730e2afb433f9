"""Measures the engine and the site, side by side with the bare SQL that does the same work."""
