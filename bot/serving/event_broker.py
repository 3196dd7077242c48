"""Former name of bot/stores/broker.py; an endpoints.yml of an earlier version may still name it."""

from bot.stores.broker import ConversationEvents

__all__ = ["ConversationEvents"]
