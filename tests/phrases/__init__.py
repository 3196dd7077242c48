"""Tests of `bot.phrases`."""
