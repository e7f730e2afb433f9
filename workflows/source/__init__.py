"""The source of workflow code, parsed: what it names, and what would differ at a replay."""
