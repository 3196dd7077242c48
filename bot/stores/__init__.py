"""Databases, and what is kept in them while the bot answers: conversations, locks, events, the page's sessions."""
