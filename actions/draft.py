"""Makes the draft of a ticket from a conversation: what it is about, what was tried, what was said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from actions.conversation import Turn, UserMessage, issues, shortened
from bot.articles.parts import PERSONAL
from bot.tickets.model import PHONE, TicketDraft
from bot.tickets.transcript import transcript

# Entities that help whoever takes the ticket on; the language and the product have fields of their own.
_ENTITIES = ("invoice_number", "subscription_id", "amount", "date", "error_code")
_NUMBERS = ("invoice_number", "subscription_id", "error_code")
"""Entities that stand in the ticket's text, too: they are written as the customer wrote them."""
_RUNNERS_UP = 3
_LONGEST_SUMMARY = 1200
_LONGEST_PART = 400
_MOST_LATER = 3
"""Messages that a summary quotes beside the one with which the matter began; the conversation goes along."""
_SEVERAL_WORDS, _MANY_WORDS = 6, 15
"""From so many words on a message says more of the matter; one whose act says nothing of it needs more."""
_WANTS_PERSON = ("talk_to_human", "ask_phone")
_FORM_ACTS = ("form_answer", "cancel_form", "skip_field", "correct_field")
_SAYS_NOTHING = ("choose_product", "thank", "goodbye", "greet", "remark", *_WANTS_PERSON)
"""Acts that say nothing of the matter."""
_NAMES = 0.1
"""Confidence from which a message that wants a person also tells of an issue."""
_SENTIMENTS = ("very_negative", "negative", "neutral", "positive", "very_positive")
_SEVERAL_FAILURES = 2
_ENDS = (".", "!", "?", "…", "”")


def draft_of(turn: Turn) -> TicketDraft:
    """Returns the ticket that the filled form and the conversation make."""
    issue, phone = turn.slot("issue"), turn.slot("contact_phone")
    recognised = _recognition(turn.messages, issue)
    others = [each for each in recognised.ranking if each["name"] in issues() and each["name"] != issue]
    tried = [*(turn.article(each).title for each in turn.slot("tried") or []), *(turn.slot("failed_steps") or [])]
    failed = ["failed_attempts"] if len(tried) >= _SEVERAL_FAILURES else []
    return TicketDraft(
        conversation_id=turn.tracker.sender_id,
        form_id=str(turn.slot("ticket_form_id")),
        contact_email=turn.slot("contact_email") or None,
        summary=str(turn.slot("ticket_summary")),
        consent=bool(turn.slot("ticket_consent")),
        intent=issue,
        confidence=recognised.confidence,
        runners_up=[(each["name"], float(each["confidence"])) for each in others[:_RUNNERS_UP]],
        language=turn.language,
        language_confidence=_language_confidence(turn),
        product=turn.product,
        entities=[*_entities(turn.messages), *([(PHONE, str(phone))] if phone else [])],
        steps_tried=tried,
        transcript=list(transcript(turn.tracker.events)),
        sentiment=_sentiment(turn.messages),
        signals=list(dict.fromkeys([*turn.signals, *failed])),
    )


def summary_of(turn: Turn) -> str | None:
    """Returns what the customer has said of the matter, as one line; None if nothing fit to be a summary."""
    issue, searched = turn.slot("issue"), turn.slot("documents")
    if issue is None and searched:
        return one_line([searched["text"]])
    typed = [message for message in turn.messages if message.is_typed]
    problems = [message for message in typed if message.intent in issues() or message.intent == "nlu_fallback"]
    title = turn.article(issue).title if issue in issues() else None
    # "I want a person, somebody runs forty machines in our account": wish and problem in one.
    if title is None:
        problems = problems or [each for each in typed if each.intent == "talk_to_human" and _names_issue(each)]
    # The conversation began with the customer's problem; the issue at hand may be another one by now.
    named = next((message for message in problems if message.intent == issue), None)
    begins = [message for message in (*problems[:1], named) if message is not None]
    kept = _that_fit([message for message in typed if _tells_more(message) and message not in begins], beside=begins)
    if not begins and not kept:
        return title
    parts = [message.text for message in typed if message in (*begins, *kept)]
    chosen = any(each.intent == issue for each in turn.messages)  # by a button; not where a passage of it was shown
    if named is None and title is not None and (chosen or not begins):
        parts.insert(len(begins), title)
    lines = [one_line([part], _LONGEST_PART) for part in dict.fromkeys(filter(None, parts))]
    # What the customer did not write himself is not quoted.
    summary = one_line([line if line == title else f"“{line}”" for line in lines]) if len(lines) > 1 else lines[0]
    found = [value for name, value in _entities(turn.messages) if name in _NUMBERS]
    facts = [value for value in found if value.casefold() not in summary.casefold()]
    return one_line([f"{summary} ({', '.join(facts)})"]) if facts else summary


def missing_facts(turn: Turn) -> list[str]:
    """Returns what the issue's tickets should name and the customer has not: entities, by their names."""
    issue, named = turn.slot("issue"), {name for name, _ in _entities(turn.messages)}
    if "subscription_id" in named:
        named.add("subscription")
    wanted = issues()[issue].facts if issue in issues() else ()
    if "invoice_number" in named:
        named.add("order_number")
    if turn.product == PERSONAL:  # these plans belong to no organisation, and have orders in place of invoices
        wanted = tuple(
            "order_number" if fact == "invoice_number" else fact for fact in wanted if fact != "organisation"
        )
    return [fact for fact in wanted if fact not in named]


def _names_issue(message: UserMessage) -> bool:
    """Tells whether a message may well be about an issue, whatever else it wants, and is no rant."""
    named = any(each["name"] in issues() and float(each["confidence"]) >= _NAMES for each in message.ranking)
    return named and not message.is_angry and len(message.text.split()) >= _SEVERAL_WORDS


def _that_fit(more: Sequence[UserMessage], beside: Sequence[UserMessage]) -> list[UserMessage]:
    """Returns the messages of most weight for which a summary has room beside others."""
    kept, room = list[UserMessage](), _LONGEST_SUMMARY - sum(map(_length, beside))
    for message in sorted(more, key=lambda message: _weight(message, is_last=message is more[-1]), reverse=True):
        if _length(message) <= room and len(kept) < _MOST_LATER:
            kept.append(message)
            room -= _length(message)
    return kept


def _length(message: UserMessage) -> int:
    return min(len(message.text), _LONGEST_PART)


def _tells_more(message: UserMessage) -> bool:
    """Tells whether a message says something of the matter and is neither a rant nor only asks for a person."""
    words = len(message.text.split())
    short = message.intent in _SAYS_NOTHING and words < _MANY_WORDS
    only_person = message.intent in _WANTS_PERSON and not _names_issue(message)  # "I am lost, may I talk to somebody?"
    says_nothing = (short or only_person) and not _facts(message)
    enough = words >= _SEVERAL_WORDS or any(char.isdigit() for char in message.text)  # "before 14h"
    return enough and not (message.is_angry or says_nothing or message.intent in _FORM_ACTS)


def _weight(message: UserMessage, is_last: bool) -> tuple[bool, bool, bool, int]:
    """Returns the rank of a message in the summary: the last one, facts or signals, not answered, the length."""
    answered = any(each["entity"] == "section" for each in message.entities)
    return is_last, bool(_facts(message) or message.signals), not answered, len(message.text.split())


def _recognition(messages: Iterable[UserMessage], issue: str | None) -> UserMessage:
    """Returns the message that last named the issue in words; at least the button that named it, else an empty one."""
    naming = [each for each in messages if issue and each.intent == issue]
    return ([each for each in naming if each.is_typed] or naming or [UserMessage("", {})])[-1]


def _facts(message: UserMessage) -> list[tuple[str, str]]:
    """Returns what a message names, as (entity, value)."""
    return [(str(each["entity"]), str(each["value"])) for each in message.entities if each["entity"] in _ENTITIES]


def _entities(messages: Iterable[UserMessage]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(fact for each in messages for fact in _facts(each)))


def _language_confidence(turn: Turn) -> float:
    """Returns how certain the present language was when it was last recognised in typed words."""
    named = [entity for message in reversed(turn.messages) if message.is_typed for entity in message.entities]
    found = [each for each in named if each["entity"] == "language" and each["value"] == turn.language]
    return float(found[0].get("confidence") or 1.0) if found else 1.0


def _sentiment(messages: Iterable[UserMessage]) -> tuple[str, float] | None:
    """Returns the strongest displeasure of the conversation, else what was noticed last."""
    moods = (each.triage.get("sentiment") or {} for each in messages)
    noticed = [(str(mood["label"]), float(mood["confidence"])) for mood in moods if mood.get("label") in _SENTIMENTS]
    return min(reversed(noticed), key=lambda found: min(_SENTIMENTS.index(found[0]), 2), default=None)


def one_line(texts: Iterable[str], longest: int = _LONGEST_SUMMARY) -> str:
    """Returns texts as sentences in one line, shortened at the end of a word."""
    sentences = [" ".join(text.split()) for text in texts]
    ended = [text if text.endswith(_ENDS) else f"{text}." for text in sentences[:-1]]
    return shortened(" ".join([*ended, *sentences[-1:]]), longest)
