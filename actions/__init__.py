"""Rasa custom actions, one module per kind of reply: each reads slots, asks `bot` and utters.

They import neither rasa nor spaCy: the action server starts in a second and needs 60 MB.
"""
