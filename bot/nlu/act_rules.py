"""The rules that decide which dialogue act a message is, by its readings and by what was said before it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import chain

from bot.articles.issues import load_issues
from bot.articles.parts import PRODUCTS
from bot.nlu import acts
from bot.nlu.acts import Act, CustomerMessage
from bot.nlu.answers import NEITHER
from bot.nlu.dialogue_state import DialogueState
from bot.nlu.product_rules import names_product
from bot.text.characters import word_beginnings
from bot.text.contacts import find_contact, find_phone

_TICKET_FORM = "ticket_form"
"""Value of the entity `field` where a customer asks for a ticket rather than for somebody to talk to."""
_CLEAR_QUESTION, _SURELY_WANTED = 0.9, 0.65
"""Further confidences; "can another person have the licence?" hardly wants a person.

A message names another issue from `CLEAR_ISSUE` on, unless it surely asks or objects.
"""
_DOMAIN = re.compile(r"\w\.[a-z]{2}", re.IGNORECASE)  # an organisation's, which tickets ask for
_SHARED_WORDS, _LONG_WORD = 2, 4
"""Number of words of its title by which a message names an offered issue, and of their letters."""
_STORY, _STORY_SOLVED = 20, 0.65  # words, and the confidence from which a longer message says that it is solved
_ONLY_THANKS = 0.95  # confidence from which a message thanks and takes nothing: "super, takk", not "ja takk"
_DOUBTED = 3.0  # how many times likelier than a failure it must be where another issue is named
_GUESS = 0.3  # confidence below which a message in some words is taken for a question rather than for what it may be
_FAINT = 0.4  # confidence below which a message does not say that something is solved
_HARDLY_NEW = 0.1  # probability of a new matter below which what sounds like an issue is asked about the one at hand
_NEW_MATTER, _OUTSIDE = 2.0, 0.5  # factors on these probabilities where they are compared with a follow-up's


def act_of(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Decides the act of a message: the first rule that fits counts (docs/how-it-works.md has them as a table).

    Args:
        message: the message.
        state: where it is said.

    Returns:
        What it does, None if its intent says so already.
    """
    if message.intent == acts.CRISIS:
        return None
    if _names_telephone(message):
        message = replace(message, acts={**message.acts, "ask_phone": 0.0})
    if message.answer.no_person:
        if state.field:
            return Act("cancel_form", 1.0)
        none = {acts.PERSON: 0.0}
        message = replace(message, acts={**message.acts, **none}, ranking={**message.ranking, **none})
    asked = (_pressed, _in_form, _wants_person, names_product, _chooses, _takes_steps, _awaits_answer)
    rules = (*asked, _ends_with_thanks, _after_answer)
    return next((act for rule in rules if (act := rule(message, state)) is not None), None)


def _names_telephone(message: CustomerMessage) -> bool:
    """Tells whether a telephone is only part of the story: "i'm on my phone and my card is refused, how do i pay"."""
    story = message.words > acts.SOME_WORDS and message.named[1] >= acts.LIKELY
    return story and message.acts["ask_phone"] < acts.PERSON_FROM and find_phone(message.text) is None


def _wants_person(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns the wish for a person, which wins over everything but an answer to a form."""
    offered = len(state.offers) > 1 and state.offers[0].intent == acts.PERSON  # before all else, topics beside
    if (offered and message.goes_along) or (message.leaves_address and not state.field):
        return Act(acts.PERSON, 1.0)
    # "Close the ticket please."
    asks = max(message.acts[name] for name in ("cancel_form", *acts.QUESTIONS)) >= acts.SURE
    another = message.named[1] >= acts.SURE or message.acts["ticket_status"] >= acts.LIKELY or asks
    if message.answer.ticket and not state.field and not another:  # "please open a ticket", "no, create a case"
        return Act(acts.PERSON, 1.0, {"field": _TICKET_FORM})
    called, wanted = message.acts["ask_phone"], message.acts[acts.PERSON]
    asks_nothing = "?" not in message.text and find_phone(message.text) is None
    if message.answer.thanks and asks_nothing and max(called, wanted) < (acts.SURE if message.plans else acts.LIKELY):
        return None  # "thanks, I'll have our accountant call them"
    if called + wanted >= acts.LITTLE and (find_phone(message.text) or called > wanted):
        return Act("ask_phone", called + wanted) if called + wanted >= acts.LIKELY or find_phone(message.text) else None
    # "paste the links again", "explain it like i am five": read as a first message, as the ranking does, it is a
    # wish for a person.
    asked_again = max(message.acts["send_again"], message.acts["more_detail"])
    asked_who = message.acts["ask_who"] >= _CLEAR_QUESTION  # "who can do that, then"
    again = (asked_again >= acts.LIKELY or asked_who) and wanted < acts.LITTLE / 2
    if not state.field or message.acts["cancel_form"] < acts.LIKELY:
        wanted = wanted if again else max(wanted, message.ranking.get(acts.PERSON, 0.0))
    elif wanted >= acts.LITTLE:  # "no more forms, a person" is not to end the form
        wanted += message.acts["cancel_form"]
    asks_else = "?" in message.text and message.named[1] >= acts.SURE and wanted < _SURELY_WANTED
    answers = message.product in PRODUCTS and wanted < acts.SURE  # "the one for private persons"
    return Act(acts.PERSON, wanted) if wanted >= acts.PERSON_FROM and not asks_else and not answers else None


def _in_form(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns the answer, the command or the question in between that a message in a form is."""
    if not state.field:
        return None
    contact = find_contact(message.text)
    alone = contact is not None and message.words - len(contact.split()) <= acts.FEW_WORDS
    address = state.field.endswith("_email") and (contact is not None or "@" in message.text)
    if alone or address or (state.field == "status_number" and _has_digits(message)):
        asks = state.field == "contact_email" and not alone
        return Act(acts.FORM_ANSWER, 1.0, message.question_beside if asks else {})
    if (person := _wants_person(message, state)) is not None or message.answer.no_ticket:
        return person or Act("cancel_form", 1.0)
    if state.field in ("ticket_summary", "ticket_consent"):
        return _in_description(message, state.field)
    if message.likeliest in ("deny", "not_helped") and message.words <= acts.FEW_WORDS:
        return Act("skip_field", message.acts[message.likeliest])
    between = _in_between(message)
    known = between is not None and between.name in (*state.topics, *state.described)
    if between is None or (known and "?" not in message.text):  # of the same: "it is declined since monday"
        between = Act(acts.FORM_ANSWER, 1.0, message.marked_question)
    return between


def _in_description(message: CustomerMessage, field: str) -> Act | None:
    """Returns what a message does that was to describe the problem, or to say whether the ticket is right."""
    facts = _has_digits(message) or _DOMAIN.search(message.text) is not None
    answers = ("affirm", "deny", "thank", "solved", "not_helped")
    short = message.words <= acts.SOME_WORDS or message.likeliest in answers
    plainly = short and (message.answer.agrees is not None or not facts)
    if field == "ticket_consent" and plainly and (answer := _yes_or_no(message)) is not None:
        return answer
    doubtful = message.acts["correct_field"] < acts.LIKELY and message.words > acts.FEW_WORDS
    guess = message.likeliest == "correct_field" and doubtful  # "and please write that we are a charity"
    commands = message.likeliest in (*acts.FORM_COMMANDS, "goodbye") and message.named[1] < acts.SURE and not guess
    if facts and not commands and message.words > acts.SOME_WORDS:  # "yes. we paid 312 euros on 4 March. how long ...?"
        return Act(acts.FORM_ANSWER, 1.0, message.marked_question)
    few = field == "ticket_consent" and message.words <= acts.FEW_WORDS and not facts
    aside = commands or few or message.text.rstrip().endswith("?")
    return (_in_between(message) if aside else None) or (None if few else Act(acts.FORM_ANSWER, 1.0))


def _in_between(message: CustomerMessage) -> Act | None:
    """Returns what a message does that does not answer a form's question, None if it may well do."""
    act, (named, clearly) = message.likeliest, message.named
    confidence = message.acts[act]
    if act == acts.NEW_MATTER or (clearly >= acts.SURE and confidence < acts.LIKELY):
        return Act(named, clearly) if clearly >= acts.LIKELY else None
    if act in acts.FORM_COMMANDS:  # nothing is cancelled by a guess
        second = max(message.acts[name] for name in acts.FORM_COMMANDS if name != act)
        return Act(act, confidence) if confidence >= max(0.7 * acts.LIKELY, 2 * second) else None
    small_talk = ("thank", "goodbye", "greet", "bot_challenge", "ask_help", "ticket_status", "remark")
    aside = act in (*acts.QUESTIONS, *acts.REQUESTS, *small_talk) and confidence >= acts.LITTLE
    return Act(act, confidence) if aside else None


def _chooses(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns which of the issues that the bot offered it is."""
    offered = [name for name in state.issues if name in load_issues()]
    if state.question != "which" or not offered:
        return None
    if message.answer.product == NEITHER:  # before the place: "neither of the two"
        another = message.named[0] not in offered and message.named[1] >= acts.LIKELY and message.words > acts.FEW_WORDS
        return None if another else Act(acts.NONE_OF_THESE, 1.0)
    if (chosen := message.choice(offered) or _named_title(message, state)) is not None:
        return Act(chosen, 1.0)
    if message.likeliest in ("deny", "not_helped", "objection") and message.words <= acts.FEW_WORDS:
        return Act(acts.NONE_OF_THESE, 1.0)
    likely = max(offered, key=lambda name: message.issues.get(name, 0.0))
    others = max((value for name, value in message.issues.items() if name not in offered), default=0.0)
    confidence = message.issues.get(likely, 0.0)
    # "No, can she stay on it now that she is an adult", "they stopped it. do we have to pay for that?"
    enough = 0.1 if message.words <= acts.SOME_WORDS else acts.LIKELY
    enough = acts.SURE if message.surely_asks else enough
    return Act(likely, confidence) if confidence > max(enough, others) else None


def _named_title(message: CustomerMessage, state: DialogueState) -> str | None:
    """Returns the offered issue whose title alone has several of the first words of a message: "money back, of course".

    Short words count for nothing, and a message that names another issue is about that.
    """
    if message.named[0] not in state.issues and message.named[1] >= acts.LIKELY:
        return None
    begin = word_beginnings(" ".join(message.text.split()[: acts.FEW_WORDS]))
    words = {each for each in begin if len(each) >= _LONG_WORD}
    titles = {each.intent: word_beginnings(each.title) for each in state.offers}
    spread = Counter(chain.from_iterable(titles.values()))
    fits = [name for name, title in titles.items() if sum(spread[each] == 1 for each in words & title) >= _SHARED_WORDS]
    return fits[0] if len(fits) == 1 and fits[0] in load_issues() and message.answer.agrees is not False else None


def _takes_steps(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns the issue whose steps the bot has offered, for a message that goes along: "yes please", "ja takk"."""
    offered = state.offers[0].intent if state.offers and not state.question else ""
    thanks = message.acts["thank"] >= _ONLY_THANKS
    taken = message.goes_along and not thanks and offered in load_issues() and offered == state.issue
    return Act(offered, 1.0) if taken else None


def _ends_with_thanks(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns thanks where a message ends with them: "found it myself, it is active now. thanks".

    A plan may name another issue ("ok, then I'll remove the card. thanks"); what else does begins a new matter.
    """
    against = message.likeliest in (*acts.FAILED, "step_failed", "objection")
    against = against and message.acts[message.likeliest] >= acts.LIKELY
    wants = max(message.acts[name] for name in (*acts.QUESTIONS, *acts.REQUESTS)) >= acts.LIKELY
    another = message.named[1] >= acts.CLEAR_ISSUE and message.named[0] not in state.topics
    ends = message.answer.ends_with_thanks and "?" not in message.text and not message.begins_another(state.topics)
    if not ends or not state.issue or against or ((wants or another) and not message.plans):
        return None
    return Act("thank", max(message.acts["thank"], acts.LIKELY))


def _after_answer(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns what a message does after an answer, by the follow-up model, None if it begins a new matter."""
    if message.begins_another(state.topics):
        return None
    at_hand = state.issue in load_issues() or state.question not in ("", "which")
    named, clearly = message.named
    offered = {offer.intent for offer in state.offers} - {*state.topics}  # not the steps of what is at hand
    enough = acts.LITTLE if message.words <= acts.SOME_WORDS else acts.LIKELY
    if named in offered and clearly >= enough and not message.surely_asks:  # "it is greyed out" asks
        return Act(named, clearly)
    of_answer = (*acts.QUESTIONS, *acts.REACTIONS, *acts.REQUESTS) if at_hand else ()
    of_ticket = state.ticket or message.acts["ticket_status"] >= acts.LIKELY
    answers = "?" not in message.text or message.words <= acts.BRIEF
    likely_call = message.acts["ask_phone"] >= acts.PERSON_FROM  # not "can I send it by text message"
    likely_bot = message.acts["bot_challenge"] >= acts.LIKELY  # not "is it right that we are bound?"
    possible = {"ticket_status": of_ticket, "ask_phone": likely_call, "affirm": answers, "deny": answers}
    possible["bot_challenge"] = likely_bot or not at_hand
    candidates = [name for name in (*acts.SMALL_TALK, *of_answer) if possible.get(name, True)]
    act = max(candidates, key=lambda name: message.acts.get(name, 0.0))
    confidence = message.acts[act]
    asks = "?" in message.text or (act not in (*acts.NOT_ASKING, "objection") and confidence >= acts.LIKELY)
    closing = sum(message.acts[name] for name in ("thank", "solved", "remark")) + message.ranking.get("thank", 0.0)
    fails = message.likeliest in (*acts.FAILED, "step_failed")
    objects = message.likeliest == "objection"
    ends = closing >= _FAINT and not fails and (message.answer.ends_with_thanks or not objects)
    thanks = message.answer.thanks and (message.words <= acts.SOME_WORDS or ends)
    another = clearly >= (acts.SURE if closing >= _FAINT else acts.LIKELY) and named not in state.topics
    if thanks and not asks and not another and message.acts[acts.NEW_MATTER] < acts.LIKELY:
        return Act("thank", max(message.acts["thank"], acts.LIKELY))  # thanks win over "no" and "later"
    leaves = message.likeliest == "cancel_form" and message.acts["cancel_form"] >= enough  # "forget it, I'll call them"
    if leaves and not another and "?" not in message.text:
        act, confidence = "goodbye", message.acts["cancel_form"]
    elif _is_new_matter(message, state, act, at_hand):
        return None
    if state.question == "solved":
        act = {"affirm": "solved", "deny": "not_helped"}.get(act, act)
    if act == "step_failed" and confidence < acts.LIKELY and not (state.steps_shown or state.question):
        act = "more_detail"  # "the dealer does not answer"
    least = acts.LIKELY if clearly >= acts.CLEAR_ISSUE and message.words > acts.FEW_WORDS else _FAINT
    if message.words > _STORY:  # "yes i have paid ... and do the servers come up by themselves"
        least = _STORY_SOLVED
    # "I paid, but the red banner is still there!!"
    doubt = sum(message.acts[name] for name in acts.FAILED) if clearly >= acts.CLEAR_ISSUE else 0.0
    unsure = act == "solved" and confidence < max(least, 0.0 if named in state.topics else _DOUBTED * doubt)
    # "Can I download them all at once?" is no wish for the links, "how do I save it all" no remark.
    guess = act in ("send_again", "remark", "objection", "deny", *acts.FAILED) and confidence < _GUESS
    if at_hand and (act == "ask_help" or unsure):  # "which questions should I ask the bank?"
        act = "more_detail"
    elif at_hand and guess and message.words > acts.BRIEF:
        act = message.likeliest_question
    elif at_hand and act in acts.FAILED and confidence < _FAINT and message.words <= acts.BRIEF:
        act = "remark"  # "yesterday"
    return Act(act, confidence)


def _is_new_matter(message: CustomerMessage, state: DialogueState, act: str, at_hand: bool) -> bool:
    """Tells whether a message is about something else than the likeliest act says: an issue, or none of ours."""
    confidence, (named, clearly) = message.acts[act], message.named
    # To what was at hand.
    objects = message.answer.agrees is False and message.acts["objection"] >= acts.FAINT_OBJECTION
    question = act in (*acts.QUESTIONS, "objection") and not objects
    surely = _CLEAR_QUESTION if question else acts.LIKELY  # "I want to cancel it, then"
    hardly = question and message.acts[acts.NEW_MATTER] < _HARDLY_NEW  # "and can I change my mind later?"
    another = named != state.issue and clearly >= acts.CLEAR_ISSUE and confidence < surely and not hardly
    once_more = named == state.issue and clearly >= acts.SURE and message.acts[acts.NEW_MATTER] > confidence
    courtesy = act in ("greet", "goodbye", "bot_challenge")
    faint = confidence < acts.LITTLE and (courtesy or not at_hand)  # no goodbye on a guess: "qwrtz plk"
    if (begins_surely := another or once_more or faint) or message.intent in ("affirm", "deny"):
        return begins_surely  # not "no, can't I just merge the two?"
    elsewhere = 1.0 - message.issues.get(state.issue, 0.0) / (sum(message.issues.values()) or 1.0)
    begins = message.acts[acts.NEW_MATTER] * elsewhere * _NEW_MATTER  # of what no issue covers, the ranking knows more
    outside = 0.0 if act in acts.NOT_ASKING else _OUTSIDE * message.ranking.get("out_of_scope", 0.0)
    return max(begins, message.acts["out_of_scope"], outside) > confidence


def _pressed(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns the button whose title was typed."""
    typed = message.text.strip(" .!").casefold()
    pressed = (each for each in state.offers if each.title.casefold() == typed)
    return next((Act(each.intent, 1.0, each.values) for each in pressed), None)


def _awaits_answer(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns the question how soon a ticket is answered that has just been opened."""
    how_long, status = message.acts["ask_how_long"], message.acts["ticket_status"]
    # Not "is the database still there?"
    asks = how_long > max(status, acts.LITTLE / 2) and message.named[1] < acts.SURE
    question, mark, _ = message.text.partition("?")
    brief = mark and len(question.split()) <= acts.BRIEF and message.intent == "out_of_scope"  # "ok but when? I wait"
    waits = state.just_opened and (asks or brief)
    return Act("ticket_status", how_long + status, {"question": "ask_how_long"}) if waits else None


def _has_digits(message: CustomerMessage) -> bool:
    return any(char.isdigit() for char in message.text)


def _yes_or_no(message: CustomerMessage) -> Act | None:
    """Returns the answer to a question of the form, None if a message is neither yes nor no."""
    agrees = message.answer.agrees
    if message.likeliest in acts.FORM_COMMANDS and message.acts[message.likeliest] >= acts.SURE and agrees is not True:
        return None  # "no, forget it": no ticket against the customer's will
    if agrees is None and message.words <= acts.FEW_WORDS and message.acts[message.likeliest] >= acts.LIKELY:
        meant = {"affirm": True, "solved": True, "thank": True, "deny": False, "not_helped": False, "skip_field": False}
        agrees = meant.get(message.likeliest)
    return None if agrees is None else Act("affirm" if agrees else "deny", 1.0)
