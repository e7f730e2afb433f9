"""Tests of the engine, in the same rooms as the code."""
