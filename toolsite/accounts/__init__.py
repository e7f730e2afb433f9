"""Accounts: who may sign in, what staff may do, the letters about it."""
