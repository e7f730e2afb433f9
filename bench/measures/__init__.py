"""One measurement per file; each has measure(lab) and returns its figures."""
