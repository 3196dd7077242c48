"""Makes the draft of a ticket from a conversation: what it is about, what was tried, what was said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rasa_sdk import Tracker

from actions.conversation import articles, customer_messages, issues, known_product, language_of, shortened, signals_of
from bot.tickets.model import TicketDraft
from bot.tickets.transcript import transcript

# Entities that help whoever takes the ticket on; the language and the product have fields of their own.
_ENTITIES = ("invoice_number", "subscription_id", "amount", "date", "error_code")
_NUMBERS = ("invoice_number", "subscription_id", "error_code")
"""Entities that stand in the ticket's text, too: they are written as the customer wrote them."""
_RUNNERS_UP = 3
_LONGEST_SUMMARY = 700
_LONGEST_PART = 300
# A message of so many words may say more of the matter, and so may a question of so many; so many are taken over.
_SEVERAL_WORDS, _MANY_WORDS, _MORE = 6, 15, 2
_FORM_ACTS = ("form_answer", "cancel_form", "skip_field", "correct_field")
_SAYS_NOTHING = ("talk_to_human", "choose_product", "thank", "goodbye", "greet", *_FORM_ACTS)
"""Intents of messages that say nothing of the matter; those of questions begin with `ask_`."""
_SENTIMENTS = ("very_negative", "negative", "neutral", "positive", "very_positive")
_SEVERAL_FAILURES = 2
_ENDS = (".", "!", "?", "…", "”")


def draft_of(tracker: Tracker) -> TicketDraft:
    """Returns the ticket that the filled form and the conversation make."""
    issue = tracker.get_slot("issue")
    recognised = _recognition(tracker, issue)
    ranking = recognised.get("intent_ranking") or []
    confidence = float((recognised.get("intent") or {}).get("confidence") or 0.0)
    tried = _steps_tried(tracker)
    return TicketDraft(
        conversation_id=tracker.sender_id,
        form_id=str(tracker.get_slot("ticket_form_id")),
        contact_email=tracker.get_slot("contact_email") or None,
        summary=str(tracker.get_slot("ticket_summary")),
        consent=bool(tracker.get_slot("ticket_consent")),
        intent=issue,
        confidence=confidence,
        runners_up=[
            (item["name"], float(item["confidence"]))
            for item in ranking
            if item["name"] in issues() and item["name"] != issue
        ][:_RUNNERS_UP],
        language=language_of(tracker),
        language_confidence=_language_confidence(tracker),
        product=known_product(tracker),
        entities=[*_entities(tracker), *_phone(tracker)],
        steps_tried=tried,
        transcript=list(transcript(tracker.events)),
        sentiment=_sentiment(tracker),
        signals=_signals(tracker, len(tried)),
    )


def summary_of(tracker: Tracker) -> str | None:
    """Returns what the customer has said of the matter, as one line; None if nothing fit to be a summary."""
    issue = tracker.get_slot("issue")
    searched = tracker.get_slot("documents")
    if issue is None and searched:
        return one_line([searched["text"]])
    typed = [event for event in customer_messages(tracker) if _is_typed(event)]
    problems = [event for event in typed if _intent(event) in issues() or _intent(event) == "nlu_fallback"]
    about = [event for event in problems if _intent(event) == issue]
    title = articles().article(issue, language_of(tracker)).title if issue in issues() else None
    if not problems:
        return title
    # The conversation began with the customer's problem; the issue at hand may be another one by now, and what is still
    # open was said last.
    parts = [str(problems[0]["text"]), str(about[0]["text"]) if about else title]
    more = [event for event in typed if _tells_more(event)]
    kept = [*[event for event in more if _names_facts(event)][-_MORE:], *more[-1:]]
    parts += [str(event["text"]) for event in more if event in kept][-_MORE:]
    lines = [one_line([part], _LONGEST_PART) for part in dict.fromkeys(filter(None, parts))]
    told = one_line([f"“{line}”" for line in lines]) if len(lines) > 1 else lines[0]
    found = [value for name, value in _entities(tracker) if name in _NUMBERS]
    facts = [value for value in found if value.casefold() not in told.casefold()]
    return one_line([f"{told} ({', '.join(facts)})"]) if facts else told


def _tells_more(event: dict[str, Any]) -> bool:
    """Tells whether a message says something of the matter and is neither a rant nor only asks for a person."""
    angry = (_triage(event).get("sentiment") or {}).get("label") == "very_negative"
    intent, words = _intent(event), len(str(event["text"]).split())
    asks = intent.startswith("ask_") and words < _MANY_WORDS and not _names_facts(event)
    return not angry and not asks and intent not in _SAYS_NOTHING and words >= _SEVERAL_WORDS


def _names_facts(event: dict[str, Any]) -> bool:
    return any(entity["entity"] in _ENTITIES for entity in (event.get("parse_data") or {}).get("entities") or [])


def _recognition(tracker: Tracker, issue: str | None) -> dict[str, Any]:
    """Returns what was understood where the issue was last named in words; at least where its button was pressed."""
    naming = [event for event in customer_messages(tracker) if issue and _intent(event) == issue]
    typed = [event for event in naming if _is_typed(event)]
    return dict(((typed or naming)[-1].get("parse_data") or {}) if naming else {})


def _entities(tracker: Tracker) -> list[tuple[str, str]]:
    found = [
        (str(entity["entity"]), str(entity["value"]))
        for event in customer_messages(tracker)
        for entity in (event.get("parse_data") or {}).get("entities") or []
        if entity["entity"] in _ENTITIES
    ]
    return list(dict.fromkeys(found))


def _phone(tracker: Tracker) -> list[tuple[str, str]]:
    number = tracker.get_slot("contact_phone")
    return [("phone", str(number))] if number else []


def _steps_tried(tracker: Tracker) -> list[str]:
    language = language_of(tracker)
    titles = [articles().article(issue, language).title for issue in tracker.get_slot("tried") or []]
    return [*titles, *(tracker.get_slot("failed_steps") or [])]


def _language_confidence(tracker: Tracker) -> float:
    """Returns how certain the present language was when it was last recognised in typed words."""
    for event in reversed([event for event in customer_messages(tracker) if _is_typed(event)]):
        for entity in (event.get("parse_data") or {}).get("entities") or []:
            if entity["entity"] == "language" and entity["value"] == language_of(tracker):
                return float(entity.get("confidence_entity") or 1.0)
    return 1.0


def _sentiment(tracker: Tracker) -> tuple[str, float] | None:
    """Returns the strongest displeasure of the conversation, else what was noticed last."""
    noticed = [
        (str(found["label"]), float(found["confidence"]))
        for event in customer_messages(tracker)
        if (found := _triage(event).get("sentiment")) and found["label"] in _SENTIMENTS
    ]
    return min(reversed(noticed), key=lambda found: min(_SENTIMENTS.index(found[0]), 2), default=None)


def _signals(tracker: Tracker, failures: int) -> list[str]:
    failed = ["failed_attempts"] if failures >= _SEVERAL_FAILURES else []
    return list(dict.fromkeys([*signals_of(tracker), *failed]))


def _triage(event: dict[str, Any]) -> dict[str, Any]:
    return (event.get("parse_data") or {}).get("triage") or {}


def _intent(event: dict[str, Any]) -> str:
    return str(((event.get("parse_data") or {}).get("intent") or {}).get("name") or "")


def one_line(texts: Iterable[str], longest: int = _LONGEST_SUMMARY) -> str:
    """Returns texts as sentences in one line, shortened at the end of a word."""
    sentences = [" ".join(text.split()) for text in texts]
    ended = [text if text.endswith(_ENDS) else f"{text}." for text in sentences[:-1]]
    return shortened(" ".join([*ended, *sentences[-1:]]), longest)


def _is_typed(event: dict[str, Any]) -> bool:
    return not str(event.get("text") or "/").startswith("/")
