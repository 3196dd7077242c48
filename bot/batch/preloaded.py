"""Imported by the process from which batch workers are forked: the model is loaded once, before there are workers."""

from bot.batch.workers import ignore_interrupts, preload
from bot.rasa_patches import without_tensorflow

ignore_interrupts()
without_tensorflow.install()
preload()
