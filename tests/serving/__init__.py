"""Tests of bot.serving."""
