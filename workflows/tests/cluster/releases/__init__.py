"""Releases of one product: a module each. A cluster loads the one that its lab names."""
