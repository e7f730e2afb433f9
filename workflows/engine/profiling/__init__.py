"""Runs driven under cProfile, in a transaction that is rolled back."""
