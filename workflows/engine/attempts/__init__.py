"""One attempt of one step, forward or undoing: its limits, its transaction, its record."""
