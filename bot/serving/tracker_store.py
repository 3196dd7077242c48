"""Former name of bot/stores/tracker_store.py; an endpoints.yml of an earlier version may still name it."""

from bot.stores.tracker_store import ConversationStore

__all__ = ["ConversationStore"]
