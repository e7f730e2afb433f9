"""Deeds: one verb per file. Asks core what to do, writes through store."""
