"""Former name of bot/stores/locks.py; an endpoints.yml of an earlier version may still name it."""

from bot.stores.locks import ConversationLocks

__all__ = ["ConversationLocks"]
