"""Deeds. Asks core what to do, writes through store. Rooms, from the ground up: session, attempts,
groups and children, verbs, drive; requests stands beside them.
"""
