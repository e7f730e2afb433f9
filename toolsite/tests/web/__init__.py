"""Tests of the room that takes requests in, without a server."""
