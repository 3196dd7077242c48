"""Tests of `bot.tickets`."""
