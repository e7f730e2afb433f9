"""Schedules: runs are started by them, code declares them, operators steer them."""
