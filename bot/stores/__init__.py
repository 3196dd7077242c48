"""Databases, Redis and RabbitMQ: one way to open each, and Rasa's stores on them."""


class DatabaseError(RuntimeError):
    """A database cannot be used or refuses something; the message says why, without a password."""
