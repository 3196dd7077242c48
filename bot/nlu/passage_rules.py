"""Adds to a message's dialogue act the passage of an article that answers it, or a choice of passages, by rules.

The act may change with it: thanks with a question beside it become the question, a question may become an issue.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from bot.articles.issues import load_issues
from bot.articles.parts import passage_kind
from bot.nlu import acts
from bot.nlu.acts import Act, CustomerMessage
from bot.nlu.dialogue_state import DialogueState
from bot.nlu.models.found_passages import Found, FoundPassage
from bot.nlu.models.passage_finder import IN_ARTICLE_FROM, PassageFinder
from bot.nlu.models.passage_scores import Evidence

# Probabilities from which a passage is shown: at all; without the next likely ones beside it; where the message may
# begin a new matter; where it may ask nothing.
_SHOWN_FROM, _ALONE_FROM, _MATTER_FROM, _BESIDE_FROM = 0.15, 0.7, 0.4, 0.6
_OBJECTS_FROM = 0.55
"""Probability of an objection from which it is regretted before the passage that answers it."""
_OBJECTED_FROM = 0.4
"""The same for an objection: an apology is not to be followed by another passage beside the point."""
_IN_FORM_FROM = 0.22
"""The same for what is asked beside an answer or in a form, where no other passage is offered."""
_UNASKED_FROM = 0.7
"""The same for remarks and thanks that do not seem to ask anything."""
_CASE_FROM = 0.2
"""Probability from which passages are offered beside the steps for a product that a message names."""
_SAYS_NOTHING = 0.23
"""Probability that nothing of ours is asked for from which an objection says nothing else: "I did not ask that"."""
_OUTSIDE_FROM, _OUTSIDE_ACT = 0.35, 0.5
"""Probabilities from which a message that is not understood asks nothing of ours: of all that it may ask for, and by
the acts. Of 33 such questions in played conversations that a passage answers none has 0.1 by the first (2026-11-29)."""
_NAMED_FROM = 0.8
"""Probability of an issue from which a message is not held for one on the article at hand."""
_LONG_ISSUE_FROM = 0.75
"""`ISSUE_FROM` for a long message or a question, which a passage mostly answers better."""
_MAY_ASK = frozenset({*acts.SMALL_TALK, *acts.FAILED, "solved", "objection", "step_failed", acts.NONE_OF_THESE})
"""Acts of messages that may ask something beside: "thanks. and are my photos lost?"."""
_QUESTION, _SHORTEST_QUESTION = re.compile(r"[^?.!\n]+\?"), 2


def add_passage(act: Act | None, message: CustomerMessage, state: DialogueState, finder: PassageFinder) -> Act | None:
    """Returns the act of a message with the passage that it asks for, or those that it may be about.

    A question gets the passage that it asks for, and one more if it is two; what a passage surely answers becomes a
    question.

    Args:
        act: by the rules of acts, None where the message's intent says already what it is.
        message: the message.
        state: where it is said.
        finder: the model of the passages.
    """
    topics = state.topics
    if act is None and state.question == "which" and _asks_instead(message):
        act = Act(message.likeliest, message.acts[message.likeliest])
        topics = topics or tuple(name for name in state.issues if name in load_issues())
    details = act is not None and act.name == "more_detail"
    asks = act is not None and (act.name in acts.QUESTIONS or "question" in act.values or details)
    answers = act is not None and act.name == "choose_product" and message.words > acts.FEW_WORDS
    # A ticket may be opened before any issue is named.
    known = topics or state.described or state.ticket
    in_form = act is not None and act.name in load_issues() and bool(state.field)
    if not known or not (asks or answers or in_form or (not state.field and _may_ask(act, message))):
        return act
    product = (act.values.get("product") if act is not None else None) or state.product or None
    rejected = _rejected(message, state)
    kept = [topic for topic in topics if topic not in rejected]
    given = {*state.given, f"{state.issue}/"} if state.steps_shown else state.given
    evidence = Evidence(message.ranking, message.acts, kept, product, state.described, given, rejected)
    found = finder.find(message.text, evidence)
    # "one more thing, where are my invoices?", not "I have no other card", which surely asks for a passage at hand
    at_hand = found.likeliest.issue in state.topics and found.likeliest.confidence >= _ALONE_FROM
    if act is None and message.begins_another(state.topics) and not at_hand:
        act = _with_passage(Act(*message.named), message, product, found, finder)
    elif act is None or act.name == acts.NONE_OF_THESE or in_form:
        act = _with_passage(_of_matter(act, message, state.topics, found), message, product, found, finder)
    elif (details or act.name in acts.QUESTIONS) and not state.field:
        more = details and message.words <= acts.FEW_WORDS  # "tell me more", not "what papers do you need"
        any_part = more and not (found.likeliest.slug and found.likeliest.confidence >= _ALONE_FROM)
        act = act if any_part else _of_question(act, message, found)
    elif answers and not asks:
        act = _with_product(act, message, found)
    else:
        act = _aside(act, state, found) if asks else _beside(act, message, state, found)
    open_question = state.question not in ("", "solved") or state.field
    if state.issue and not open_question and _is_guess(act, message, found):
        return Act("more_detail", found.likeliest.confidence, _answer_or_choice(found.passage()))
    if act is None and state.issue and not open_question and _may_be_ours(message, found):
        return Act(message.intent, message.ranking.get(message.intent, 0.0), found.passage().choice)
    return None if act is None else _with_second(act, message.text, evidence, finder)


def _may_be_ours(message: CustomerMessage, found: Found) -> bool:
    """Tells whether a message that was not understood, after an answer, may be about a passage all the same."""
    refused = message.intent in acts.NOT_UNDERSTOOD and _says_much(message)
    return refused and found.outside < _OUTSIDE_FROM and message.acts["out_of_scope"] < _OUTSIDE_ACT


def _with_product(act: Act, message: CustomerMessage, found: Found) -> Act:
    """Returns the answer to the question for the product with the passage that its further words ask for."""
    likeliest = found.likeliest
    if likeliest.slug and likeliest.confidence >= _BESIDE_FROM:
        return act.with_values({**_answer_or_choice(likeliest), "question": question_of(likeliest.slug)})
    passage = found.passage()
    if passage.confidence < _CASE_FROM or message.words <= acts.CASE_WORDS:  # "Business Standard, twelve of us"
        return act
    return act.with_values({"passages": " ".join([f"{passage.issue}/{passage.slug}", *passage.next[:1]])})


def _is_guess(act: Act | None, message: CustomerMessage, found: Found) -> bool:
    """Tells whether all that is known of a follow-up is an improbable issue; likely answers are offered instead."""
    if not _says_much(message) or message.named[1] >= _NAMED_FROM or found.outside >= _OUTSIDE_FROM:
        return False
    name, confidence = (message.intent, 0.0) if act is None else (act.name, act.confidence)
    return name in load_issues() and confidence < acts.ISSUE_FROM


def _asks_instead(message: CustomerMessage) -> bool:
    """Tells whether a message asks something instead of choosing an issue: "does she have to pay at once?"."""
    asks = "?" in message.text or message.words <= acts.SOME_WORDS
    return asks and message.likeliest in acts.QUESTIONS and message.named[1] < acts.CLEAR_ISSUE


def _with_second(act: Act, text: str, evidence: Evidence, finder: PassageFinder) -> Act:
    """Returns an act that shows a passage with that of a further question: "only from now? and the mailbox?"."""
    questions = [each for each in _QUESTION.findall(text) if len(each.split()) > _SHORTEST_QUESTION]
    says_passages = act.name in (*acts.QUESTIONS, "objection", "choose_product", *load_issues())
    if len(questions) < 2 or not says_passages or not act.values.get("section"):
        return act
    # Ranking and acts are those of the whole message.
    alone = replace(evidence, ranking={}, acts={})
    asked = [finder.find(each, alone).likeliest for each in questions]
    shown = (act.values["about"], act.values["section"])
    others = [each for each in asked if each.slug and (each.issue, each.slug) != shown]
    second = max(others, key=lambda each: each.confidence, default=None)
    if second is None or second.confidence < _BESIDE_FROM:
        return act
    also = f"{second.issue}/{second.slug}"
    offered = [each for each in act.values.get("passages", "").split() if each != also]
    values = {name: value for name, value in act.values.items() if name != "passages"}
    return replace(act, values={**values, "also": also, **({"passages": " ".join(offered)} if offered else {})})


def _aside(act: Act, state: DialogueState, found: Found) -> Act:
    """Returns a question that is asked beside something else with the passage that answers it.

    In a ticket's form, where there is none and no steps were shown, with the issue that was described.
    """
    passage = found.passage()
    if passage.confidence >= _IN_FORM_FROM:
        return act.with_values(passage.values)
    only_described = state.field and state.described and not state.issue
    return act.with_values({"about": state.described[0]}) if only_described else act


def _rejected(message: CustomerMessage, state: DialogueState) -> set[str]:
    """Returns the issues of which only passages were shown, if the customer objects: "we have no reservations".

    The issue whose steps were given is not among them.
    """
    objects = message.acts["objection"] >= acts.LITTLE and state.issue
    return {*state.topics} - {state.issue} if objects else set()


def _with_passage(
    act: Act | None, message: CustomerMessage, product: str | None, found: Found, finder: PassageFinder
) -> Act | None:
    """Returns an issue that a longer message names with the passage of its article that answers it, or a choice."""
    if act is None and message.intent in load_issues() and message.named[1] >= acts.LIKELY:
        act = Act(*message.named)
    if act is None or act.name not in load_issues() or not _says_much(message):
        return act
    passage = finder.find_in_article(message.text, act.name, product)
    asks = passage.slug and passage.confidence >= IN_ARTICLE_FROM
    return act.with_values(passage.values if asks else found.choice_on(act.name))


def _beside(act: Act, message: CustomerMessage, state: DialogueState, found: Found) -> Act:
    """Returns the question that stands beside thanks, a verdict or an objection, else the act itself.

    "Did all that, still declined" and "it wants a password" get the passages that they may be about.
    """
    likeliest, passage = found.likeliest, found.passage()
    (named, clearly), wants_steps = message.named, not likeliest.slug or likeliest.confidence < _OBJECTED_FROM
    known = state.steps_shown and named == state.issue  # "he does not answer, and only he was administrator"
    if act.name == "objection" and clearly >= _NAMED_FROM and wants_steps and named == likeliest.issue and not known:
        return Act(named, clearly)  # "no, I mean one more licence in mid-year"
    # "thanks. do you need the certificate?"
    if act.name in acts.NOT_ASKING and "?" in message.text and likeliest.issue:
        return _of_question(Act(question_of(passage.slug), passage.confidence), message, found)
    asks = act.name not in acts.NOT_ASKING or max(message.acts[name] for name in acts.QUESTIONS) >= acts.LITTLE
    closes = act.name == "thank" and message.plans  # "silly that it renews by itself, but thanks"
    fails = act.name in acts.FAILED and message.words <= acts.SOME_WORDS
    if act.name != "solved" and not fails and not closes:
        # "thanks. should i block the card all the same"; "did all that, and the bank says that it has blocked nothing"
        asks = asks or likeliest.confidence >= _UNASKED_FROM
    enough = _OBJECTED_FROM if act.name == "objection" else _BESIDE_FROM
    if not asks or not likeliest.slug or likeliest.confidence < enough:
        offers = act.name in acts.FAILED or (act.name == "step_failed" and passage.confidence >= _SHOWN_FROM)
        if act.name == "objection" and message.words > acts.FEW_WORDS and found.outside < _SAYS_NOTHING:
            return act.with_values(found.choice)
        return act.with_values(passage.choice) if offers else act
    # "I am no administrator, I think" asks for no apology.
    objects = act.name == "objection" and (act.confidence >= _OBJECTS_FROM or message.answer.corrects)
    stays = objects or act.name in ("step_failed", *acts.FAILED)
    kept = act.name if stays else question_of(likeliest.slug)
    return Act(kept, likeliest.confidence, _answer_or_choice(likeliest))


def _of_question(act: Act, message: CustomerMessage, found: Found) -> Act:
    """Returns a question with the passage that answers it, or the issue whose steps do."""
    likeliest, passage = found.likeliest, found.passage()
    named, clearly = message.named
    names_it = likeliest.issue == named and clearly >= acts.CLEAR_ISSUE
    if names_it and not likeliest.slug and message.words <= acts.SOME_WORDS:
        return Act(named, clearly)  # "where can I download the invoice?"
    if likeliest.issue and not likeliest.slug and (likeliest.confidence >= acts.LIKELY or names_it):
        # "and how do I cancel it, then?"; where its steps stand further up, it may be about one of these passages.
        return Act(likeliest.issue, likeliest.confidence, found.passage(likeliest.issue).choice)
    if act.name == "ask_where" and passage.confidence < acts.LIKELY and message.words <= acts.FEW_WORDS:
        return act.with_values(passage.choice)  # "where do I find that?": mostly in a step
    return act.with_values(_answer_or_choice(passage))


def _of_matter(act: Act | None, message: CustomerMessage, topics: Collection[str], found: Found) -> Act | None:
    """Returns the question, or the issue, of a message that seems to begin a matter of its own."""
    likeliest = found.likeliest
    if not likeliest.issue:
        return act
    if act is None and message.intent in load_issues():
        return _of_issue(message, topics, found)
    if not likeliest.slug or likeliest.confidence < (_MATTER_FROM if _says_much(message) else _ALONE_FROM):
        return act
    return Act(question_of(likeliest.slug), likeliest.confidence, _answer_or_choice(likeliest))


def _of_issue(message: CustomerMessage, topics: Collection[str], found: Found) -> Act | None:
    """Returns the issue that a message names, or the passage that it asks for; None leaves it at its intent."""
    asks, (named, clearly), likeliest, passage = "?" in message.text, message.named, found.likeliest, found.passage()
    plain = message.words <= acts.SOME_WORDS and clearly >= acts.CLEAR_ISSUE
    of_topic = bool(likeliest.slug) and likeliest.issue in topics and likeliest.confidence >= acts.LIKELY
    if plain and named not in topics and not of_topic:
        return Act(named, clearly)  # "how do I cancel my subscription?", not "how do I stop it?"
    elsewhere = _ALONE_FROM if message.answer.agrees is False else _MATTER_FROM
    unsure = passage.confidence < (_SHOWN_FROM if passage.issue == named else elsewhere)
    if clearly >= acts.CLEAR_ISSUE and named not in topics and unsure:
        return Act(named, clearly)  # "no, I mean the invoices from before, can I get them somewhere"
    steps = None if likeliest.slug else Act(likeliest.issue, likeliest.issue_confidence)
    long = asks or message.words > acts.SOME_WORDS  # mostly has a question that a passage answers
    if steps is not None and steps.confidence >= (_LONG_ISSUE_FROM if long else acts.ISSUE_FROM):
        return steps
    # "And can that be stopped" asks, "my card was declined", once more, does not.
    if not (asks or (of_topic and likeliest.issue != named)) and message.words <= acts.FEW_WORDS:
        return None
    if passage.slug and passage.confidence >= _SHOWN_FROM:
        return Act(question_of(passage.slug), passage.confidence, _answer_or_choice(passage))
    return (steps or Act("more_detail", passage.confidence, passage.choice)) if long else None


def _answer_or_choice(found: FoundPassage) -> dict[str, str]:
    """Returns the passage that answers a question, the next ones beside it if it is doubtful, or a choice."""
    if found.confidence >= _ALONE_FROM:
        return found.values
    return {**found.values, **found.others} if found.confidence >= _SHOWN_FROM else found.choice


def question_of(slug: str) -> str:
    """Returns the act that asks for a passage."""
    kind = passage_kind(slug)
    return "not_there" if kind == "not_there" else f"ask_{kind}" if kind else "more_detail"


def _says_much(message: CustomerMessage) -> bool:
    """Tells whether a message may have a question in it, with or without its mark."""
    return "?" in message.text or message.words > acts.FEW_WORDS


def _may_ask(act: Act | None, message: CustomerMessage) -> bool:
    """Tells whether a message that no act makes a question may be one all the same."""
    if act is None:
        return message.intent in (*acts.NOT_UNDERSTOOD, *load_issues())
    if act.name in acts.NOT_ASKING and "?" not in message.text and act.confidence >= acts.LIKELY:
        return message.words > acts.SOME_WORDS
    least = acts.BRIEF if act.name in ("objection", "step_failed") else acts.FEW_WORDS  # "I don't have his password"
    return act.name == "ask_help" or (act.name in _MAY_ASK and message.words > least)
