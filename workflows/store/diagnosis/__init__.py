"""What the doctor reads: bounded queries, which change nothing."""
