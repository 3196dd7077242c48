"""Tests of `bot.encoder`."""
