"""Tests of the agents' desk, with a real server."""
