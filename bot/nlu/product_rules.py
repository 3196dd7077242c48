"""The rules that decide which product a message names: asked for, or another one than was taken for granted."""

from __future__ import annotations

from bot.articles.issues import load_issues
from bot.articles.parts import PERSONAL
from bot.nlu import acts
from bot.nlu.acts import Act, CustomerMessage
from bot.nlu.answers import UNKNOWN
from bot.nlu.dialogue_state import DialogueState


def names_product(message: CustomerMessage, state: DialogueState) -> Act | None:
    """Returns the product that was asked for, or another one than was taken for granted."""
    product = None
    if state.question == "product":
        offered = [offer.values["product"] for offer in state.offers if "product" in offer.values]
        product = message.product or message.choice(offered) or _no_product(message, state)
        if product == PERSONAL and product not in offered and product not in message.answer.named:
            # By its tone alone it is no product that was not offered: "the one with mail and Word, for the garage".
            product = message.answer.product or UNKNOWN
    elif state.issue and state.question != "which":
        product = _other_product(message, state)
    if product is None:
        return None
    values = {"product": product}
    named, clearly = message.named
    # "365. she leaves on Friday, can somebody have her licence?", not "365. we have 22 licences until March"
    asks = message.words > acts.SOME_WORDS and ("?" in message.text or message.question_beside)
    if clearly >= acts.CLEAR_ISSUE and named != state.issue and asks:
        return Act(named, clearly, values)
    question = message.likeliest_question
    if message.words > 1 and message.acts[question] >= acts.LIKELY:  # "365. am I allowed to do that?"
        values["question"] = question
    return Act("choose_product", 1.0, values)


def other_steps(agreement: str, state: DialogueState) -> bool:
    """Tells whether a billing agreement that is news changes what is to be done about the issue at hand, in Azure."""
    issue = load_issues().get(state.issue)
    at_hand = issue is not None and bool(issue.agreements) and not state.field
    return at_hand and state.product in ("", "azure") and agreement != state.agreement


def _no_product(message: CustomerMessage, state: DialogueState) -> str | None:
    """Returns that the product is unknown to a customer who answers something else, None for another matter."""
    named, clearly = message.named
    if named != state.issue and clearly >= acts.LIKELY:
        return None
    aside = {acts.NEW_MATTER, "out_of_scope", *acts.SMALL_TALK, *acts.FORM_COMMANDS} - {"affirm", "deny", "remark"}
    return UNKNOWN if message.likeliest not in aside else None


def _other_product(message: CustomerMessage, state: DialogueState) -> str | None:
    """Returns the product that a message is about where another one was taken for granted, or the same again."""
    answer, (named, clearly) = message.answer, message.named
    others = answer.named - {state.product}
    if state.product in answer.denied and len(others) == 1:
        return next(iter(others))  # "not a family plan, we are a company on business standard"
    short = message.words <= acts.SOME_WORDS
    same = message.likeliest == "choose_product" and answer.product == state.product
    if same and short and message.acts["choose_product"] >= acts.SURE:
        return state.product  # "microsoft 365, 14 users"
    if named != state.issue and clearly >= max(acts.LIKELY, message.ranking.get("choose_product", 0.0)):
        return None  # another matter, in which the product is named
    if same and (short or "?" not in message.text):  # not "which ones are free then? your page says azure ..."
        return state.product
    if message.likeliest in acts.QUESTIONS and message.acts[message.likeliest] >= acts.LIKELY:
        return None  # "and if we have no azure account yet?"
    # "I did not ask about azure", "that is for administrators, mine is a family plan"
    objects = message.likeliest == "objection" and (state.product in answer.named or others == {PERSONAL})
    again = state.product in answer.named  # "those are mine, two VMs" says nothing against Azure
    chooses = "choose_product" in (message.likeliest, message.intent) and (not again or message.asks_or_objects)
    same_issue = named == state.issue and clearly >= acts.LIKELY and not again  # "and how do I pay for azure?"
    same_issue = same_issue and message.likeliest not in acts.QUESTIONS and others <= message.mentioned
    same_issue = same_issue and others <= {*load_issues()[named].products}
    by_app = state.product == PERSONAL and others == {"microsoft365"}  # "and do I lose Word at once?"
    return next(iter(others)) if (chooses or (not by_app and (objects or same_issue))) and len(others) == 1 else None
