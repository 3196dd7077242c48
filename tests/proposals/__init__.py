"""Tests of bot/proposals."""
