"""Tests of what measures the bot."""
