"""Versions of the model: train, compare, list, switch and undo, without a pause for customers."""
