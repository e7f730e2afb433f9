"""The link check against a hostile server; no database, nothing leaves the machine."""
