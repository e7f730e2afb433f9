"""The fleet: a django-q2 cluster whose queue is the run table."""
