"""Whole journeys: a real web server, a real cluster, real browsers, and everything that can go wrong.

One site serves all journeys of a test process. Its database is a clone of the test database, so it
lives through many tests and disturbs no other. Every journey has people and a board of its own.
"""
