"""Tests of the versions of the model."""
