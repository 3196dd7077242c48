"""Tests of batch triage."""
