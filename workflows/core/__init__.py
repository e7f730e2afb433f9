"""Decisions: values in, values out. No ORM, clock, chance, settings or network."""
