"""Tests of `bot.articles`."""
