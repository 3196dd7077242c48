"""Tests of bot.stores."""
