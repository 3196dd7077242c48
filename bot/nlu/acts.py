"""The dialogue acts that a message has only where it is said: after an answer, to a question, in a form.

Their phrases stand beside those of the other intents (`data/nlu/<lang>/follow_ups.yml`), but the intent classifier does
not learn them: without a conversation, "where is that?" says nothing. `bot/nlu/context.py` tells them apart.
"""

from __future__ import annotations

QUESTIONS = ("ask_who", "ask_how_long", "ask_cost", "ask_where", "ask_what_if", "ask_what_happens", "not_there")
"""Questions about the article at hand; each is answered by the passages of one kind (`bot.articles.issues.Kind`)."""

REACTIONS = ("solved", "not_helped", "already_tried", "step_failed", "objection", "remark")
"""The customer's view of the answer that was given."""

REQUESTS = ("send_again", "more_detail", "ask_phone")

FORM_COMMANDS = ("cancel_form", "skip_field", "correct_field")

FOLLOW_UPS = frozenset({*QUESTIONS, *REACTIONS, *REQUESTS, *FORM_COMMANDS})
"""The acts that the intent classifier does not learn."""

NONE_OF_THESE = "none_of_these"
"""None of the things offered is meant; a rule finds it, it has no phrases."""

FORM_ANSWER = "form_answer"
"""The message answers the question of a form."""

CRISIS = "crisis"
"""Despair or a threat of violence; words tell it (`signals` in `data/triage/<lang>.yml`), it has no phrases."""
