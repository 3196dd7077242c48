"""Answers an issue with its article's steps and links; where it is open, asks first which issue or product is meant."""

from __future__ import annotations

from collections.abc import Sequence

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.answer import (
    answer_message,
    answer_text,
    brief_answer,
    likely_passages,
    opening_fits,
    passage_buttons,
    section_button,
    section_of,
)
from actions.conversation import UNKNOWN, BotAction, Button, Turn, button, issues
from actions.passages import Passage, section_passages, was_said
from actions.records import record_outcome
from actions.topics import ask_which, offer_person_first, offer_topics, possible_issues, settle
from bot.articles.issues import BOTH_ANSWERED_FROM
from bot.articles.model import Article
from bot.articles.parts import (
    AGREEMENTS,
    PERSONAL,
    PRODUCTS,
    agreements,
    lead,
    needs_product,
    section_product,
    variant_for,
    variants,
)
from bot.articles.replies import language_name
from bot.text.limited_markdown import Text

_PLAINLY, _PLAIN_WORDS = 0.97, 10
"""Confidence from which, and number of words up to which, a message plainly asks for steps: "how do I pay it?"."""
_LIKELY = 0.4
"""Below that the likeliest of several issues is a guess, and the bot only asks which one it is."""

_MOST_CASES = 3
"""Passages offered to a customer who has none of the products, or does not know which."""


class ActionRecommendedSteps(BotAction, action="action_recommended_steps"):
    """Answers the issue that the customer has named, or the one at hand once the product is known."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the answer; asks first which issue is meant, or which product, where that is open."""
        opening, named = turn.say_first(), turn.intent in issues()
        issue = turn.intent if named else turn.slot("issue")
        asked = turn.just_asked("choice")
        if issue not in issues():  # a product was named where the issue was to be chosen, or before any issue
            likeliest = _answer_likeliest(turn, asked["shown"]) if asked else []
            return [*opening, *(likeliest or offer_topics(turn, "utter_help"))]
        if turn.form and not (named and turn.entity("section")):  # a question in the middle of a form
            _tell_language(turn, issue)
            turn.say(**answer_message(turn, issue, turn.product))
            return opening
        if named and turn.entity("section"):  # a question that a passage answers; the steps are a button
            issue = turn.entity("about") or issue
            _tell_language(turn, issue)
            if not turn.form:  # what a form is about stays
                record_outcome(turn, "abandoned", issue)
                opening.append(SlotSet("issue", issue))
            return [*opening, FollowupAction("action_follow_up")]
        possible = possible_issues(turn) if named else []
        if named and offer_person_first(turn, possible or [issue]):
            return [*opening, SlotSet("issue", issue)]
        if possible and asked is None:
            likely = _answer_likeliest(turn, possible)
            return [*opening, *(likely or ask_which(turn, possible, passages=likely_passages(turn)))]
        events = _open_product(turn, issue) if turn.intent == "choose_product" else None
        return [*opening, *(_answer(turn, issue) if events is None else events)]


def _answer_likeliest(turn: Turn, possible: list[str]) -> list[EventType]:
    """Says what to do now about the likeliest of several issues, the others beside it; not where that is a guess."""
    likeliest, *others = possible
    article = turn.article(likeliest)
    ranked = (entry["confidence"] for entry in turn.message.ranking if entry["name"] == likeliest)
    guess = turn.intent != "choose_product" and next(ranked, 0.0) < _LIKELY
    unknown = needs_product(article) and turn.product is None
    if guess or unknown or turn.slot("issue") or not (text := brief_answer(article, turn.product, None)):
        return []
    turn.say(text, [button(turn.label("show_steps"), likeliest)])
    return [*ask_which(turn, others, turn.reply("which_passage_again"), likeliest), SlotSet("issue", likeliest)]


def _open_product(turn: Turn, issue: str) -> list[EventType] | None:
    """Answers who says both products, neither or that she does not know; None where one product is named."""
    named, hint = turn.entity("product"), turn.reply("product_hint")
    if named == "neither":
        buttons = [*_general_cases(turn, issue), *turn.topic_buttons(issues()[issue].related), turn.person_button]
        turn.say(turn.reply("product_neither"), buttons)
        return [SlotSet("product", None)]
    if named == "unknown" and not turn.has_said(hint):
        ask_for_product(turn, issue, hint, _general_cases(turn, issue))
        return [SlotSet("product", None)]
    if named not in ("both", "unknown"):
        return None
    turn.say(turn.reply("product_both" if named == "both" else "no_product_yet"))
    _tell_language(turn, issue)
    for product in ("azure", "microsoft365"):
        if product in issues()[issue].products:
            turn.say(**answer_message(turn, issue, product))
    ask_solved(turn)
    return [SlotSet("product", None), SlotSet("issue", issue)]


def _general_cases(turn: Turn, issue: str) -> list[Button]:
    """Returns buttons for cases that hold for every product: "Nobody of you made the charge"."""
    sections = section_passages(turn.article(issue))
    general = [each for each in sections if each.kind == "what_if" and section_product(each.slug) is None]
    return [section_button(each) for each in general[:_MOST_CASES]]


def _answer(turn: Turn, issue: str) -> list[EventType]:
    """Answers the root cause of what was named, and offers the rest; asks for the product once where steps differ."""
    named, product = turn.intent in issues(), turn.product
    events = settle(turn, turn.intent) if named else []
    found = turn.message.triage.get("second_issue") or {}
    second = found.get("name") if found.get("confidence", 0.0) >= BOTH_ANSWERED_FROM else None
    issue, second = root_cause_first(issue, second if named and second in issues() else None)
    if turn.has_no_steps(issue):
        issue = issues()[issue].personal or issue
    other = second or turn.slot("other_issue")
    events += [SlotSet("issue", issue), SlotSet("other_issue", other if other != issue else None)]
    article = turn.article(issue)
    waits = needs_product(article) or bool(_of_first_message(turn, issue, "waiting_passage"))
    if waits and product is None and not turn.slot("product_asked"):
        if not _is_later(turn, issue):
            _tell_language(turn, issue)
            turn.say(_of_each_product(turn, issue, article))
        lacks = {*PRODUCTS} - {*issues()[issue].products}
        key = "ask_work_product" if PERSONAL in lacks else "ask_365_product" if lacks else "utter_ask_product"
        ask_for_product(turn, issue, turn.reply(key))
        return [*events, SlotSet("product_asked", True)]
    message = answer_message(turn, issue, product, begins=not turn.slot("product_asked"))
    short = named and _is_later(turn, issue) and not turn.has_no_steps(issue)
    brief = brief_answer(article, product, turn.agreement) if short else ""
    if brief and not turn.has_said(brief):
        _tell_language(turn, issue)
        turn.say(brief, [button(turn.label("show_steps"), issue), *likely_passages(turn), turn.person_button])
        record_outcome(turn, "abandoned", issue)
        return events
    texts = [message["text"], answer_text(article, product, turn.agreement)]
    # What was asked together with the product is answered with it.
    question = [FollowupAction("action_follow_up")] if turn.entity("question") else []
    if turn.text and any(map(turn.has_said, texts)):
        return [*events, *(question or answer_again(turn, issue))]
    _tell_language(turn, issue)
    if turn.intent == "choose_product" and (waiting := _waiting_passage(turn, issue)) is not None:
        return [*events, *_say_waiting(turn, issue, *waiting), *question]
    if turn.intent == "choose_product" and product is not None:
        _say_what_differs(turn, issue, article, product)
    turn.say(**message)
    _offer_agreements(turn, article)
    _offer_cases(turn, issue)
    if turn.agreement == UNKNOWN:  # told where to look; the next answer begins with its steps again
        events.append(SlotSet("agreement", None))
    # Where the product had to be asked for first, the other issue was not offered yet.
    if turn.intent == "choose_product" and other != issue:
        second = other
    if second is not None and not turn.has_said(turn.reply("also_mentioned", topic=turn.topic(second))):
        offer_other(turn, "also_mentioned", second)
    # Whoever says nothing more has left; a verdict takes the place of this.
    record_outcome(turn, "abandoned", issue)
    return [*events, *(question or ask_solved(turn))]


def _of_each_product(turn: Turn, issue: str, article: Article) -> Text:
    """Returns what to do now with each of an issue's products: short enough to read before one has been named."""
    opening = [lead(article)] if opening_fits(turn, article) else []
    shown = {each: variant_for(article, each, turn.agreement) for each in issues()[issue].products}
    of_each = [f"**{turn.label(each)}:** {variant.now}" for each, variant in shown.items() if variant and variant.now]
    return Text("\n\n".join([*opening, *of_each]))


def _is_later(turn: Turn, issue: str) -> bool:
    """Tells whether a typed message brings up another issue, and does not plainly ask for its steps."""
    before, words = turn.slot("issue"), len(turn.text.split())
    plainly = turn.message.confidence >= _PLAINLY and words <= _PLAIN_WORDS
    return bool(turn.text) and before in issues() and before != issue and not plainly and not turn.has_shown(issue)


def _tell_language(turn: Turn, issue: str) -> None:
    """Says that an issue's article is in another language than the answer; where only the product was open, once."""
    language = turn.article(issue).language
    notice = turn.reply("utter_article_fallback", language_name=language_name(language, turn.language))
    known = turn.intent == "choose_product" and turn.has_said(notice)
    if language != turn.language and not known and not turn.has_no_steps(issue):
        turn.say(notice)


def answer_again(turn: Turn, issue: str) -> list[EventType]:
    """Offers the passages that may be meant; without any, says that the steps were shown and offers related issues."""
    known = turn.reply("answer_known", topic=turn.topic(issue))
    again, passages = button(turn.label("show_again"), "send_again"), likely_passages(turn)
    which = [turn.reply("which_passage")] if passages else []
    text = turn.unsaid(*which, known, turn.reply("passage_known"), turn.reply("objection_again"))
    near = passages or turn.fitting_buttons(issues()[issue].related)
    return turn.say(text, [*near, again, turn.person_button] if passages else [again, *near, turn.person_button])


def root_cause_first(issue: str, second: str | None) -> tuple[str, str | None]:
    """Returns the two issues of a message in the order in which they are answered: first what brings the other about.

    Args:
        issue: the issue that the message names most clearly.
        second: another one that it names, None if there is none.
    """
    if second is not None and issue in issues()[second].causes:
        return second, issue
    return issue, second


def ask_for_product(turn: Turn, issue: str, text: str, others: Sequence[Button] = ()) -> None:
    """Asks, with a text, which of the issue's products it is about; other buttons may follow."""
    products = issues()[issue].products
    turn.say(text, [*(button(turn.label(each), "choose_product", product=each) for each in products), *others])


def ask_solved(turn: Turn) -> list[EventType]:
    """Asks whether the answer has helped."""
    yes, no = button(turn.label("affirm"), "solved"), button(turn.label("deny"), "not_helped")
    return turn.say(turn.reply("utter_ask_solved"), [yes, no, turn.person_button])


def offer_other(turn: Turn, key: str, issue: str) -> None:
    """Offers the other issue that the customer has mentioned."""
    turn.say(turn.reply(key, topic=turn.topic(issue)), turn.topic_buttons([issue]))


def _say_what_differs(turn: Turn, issue: str, article: Article, product: str) -> None:
    """Says so where the product that the customer has named makes no difference, or does not have the issue."""
    products = issues()[issue].products
    if product not in products and product != PERSONAL:
        turn.say(turn.reply("only_product", product=turn.label(products[0])))
    elif product in products and not needs_product(article):
        turn.say(turn.reply("same_steps"))


def _waiting_passage(turn: Turn, issue: str) -> tuple[str, Passage] | None:
    """Returns the passage that the first message asks for, `issue/slug` and itself, where the product was open."""
    for name in _of_first_message(turn, issue, "waiting_passage").split():
        about, _, slug = name.partition("/")
        passage = section_of(turn, about, slug) if section_product(slug) == turn.product else None
        if passage is not None and not was_said(turn, passage):
            return name, passage
    return None


def _say_waiting(turn: Turn, issue: str, name: str, passage: Passage) -> list[EventType]:
    """Says the passage that the first message asks for; the steps, and what else it may ask for, are buttons."""
    others = passage_buttons(turn, _of_first_message(turn, issue, "passages"), {turn.product, None})
    turn.say(passage.with_heading, [button(turn.label("show_steps"), issue), *others, turn.person_button])
    record_outcome(turn, "abandoned", issue)
    return [SlotSet("waiting_passage_said", name)]


def _offer_cases(turn: Turn, issue: str) -> None:
    """Offers, beside the steps, the passages that the first message may ask for, once the product is known."""
    cases = passage_buttons(turn, _of_first_message(turn, issue, "passages"), {turn.product, None})
    if cases and not turn.has_said(fits := turn.reply("case_passages")):
        turn.say(fits, cases)


def _of_first_message(turn: Turn, issue: str, entity: str) -> str:
    """Returns the passages that an entity of the first message names, or of the answer which product it is about."""
    if turn.slot("issue") not in (None, issue):
        return ""
    typed = [each for each in turn.messages if each.is_typed and each.intent in (issue, "choose_product")]
    named = (each["value"] for message in reversed(typed) for each in message.entities if each["entity"] == entity)
    return str(next(named, ""))


def _offer_agreements(turn: Turn, article: Article) -> None:
    """Offers the steps for other billing agreements, where there are any; a page has a switch for it."""
    product = turn.product or variants(article)[0].product
    if turn.shows_payloads or turn.agreement or product is None or not agreements(article, product):
        return
    names = (*AGREEMENTS, UNKNOWN)
    buttons = [button(turn.label(name), "choose_product", product=product, agreement=name) for name in names]
    turn.say(turn.reply("other_agreement"), buttons)
