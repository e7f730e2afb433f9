"""Tests of the whole: architecture, settings, health, run.py, journeys, crashes."""
