"""Rasa's server for operators: health, metrics, logs, bounds of all requests."""
