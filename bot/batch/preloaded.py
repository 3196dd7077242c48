"""Imported by the process from which batch workers are forked: the model is loaded once, before there are workers."""

from bot.batch.workers import ignore_interrupts, preload

ignore_interrupts()
preload()
