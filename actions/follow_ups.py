"""Answers follow-up questions with a part of an article: a passage, a step that failed, the links, a detail.

The part is mostly of the article that was shown last; a button or the pipeline may name a passage of another one.
Where no passage is surely meant, the likely ones are offered.
"""

from __future__ import annotations

import re

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.answer import (
    answer_message,
    answer_payload,
    likely_passages,
    link_lines,
    section_button,
    section_of,
    shown_variant,
)
from actions.conversation import FAILED, BotAction, Button, Turn, articles, button, issues, replies
from actions.passages import (
    Passage,
    asked_passage,
    passage_of_kind,
    section_passages,
    step_number,
    step_text,
    was_said,
)
from actions.recommended_steps import ask_solved
from bot.articles.model import Article
from bot.articles.parts import needs_product
from bot.text.limited_markdown import Text, plain

_MOST_BUTTONS = 9
_NAMES_FROM = 0.6
"""Confidence from which a message names the issue at hand."""
_FEW_WORDS = 5
_MOST_PARTS = 5
"""Passages offered to who wants to know more and does not say of what."""
_MOST_REASONS = 2
"""Passages offered beside the question which step fails."""
# Where a step fails, the reason is mostly one of these.
_TROUBLE_KINDS = ("not_there", "who")


class ActionFollowUp(BotAction, action="action_follow_up"):
    """Answers a follow-up from the article at hand."""

    def answer(self, turn: Turn) -> list[EventType]:
        """Utters the passage that was asked for."""
        turn.say_sympathy()
        issue = turn.slot("issue") or turn.entity("about")
        if issue not in issues():
            if _offer_passages(turn):
                return []
            return turn.say(turn.reply("ticket_exists" if turn.slot("ticket_number") else "no_issue_yet"))
        answers = {"step_failed": _step_failed, "send_again": _links, "more_detail": _detail}
        return answers.get(_asked(turn), _question)(turn, issue)


def _asked(turn: Turn) -> str:
    """Returns what the last message asks, also where it names the product first."""
    return turn.entity("question") or turn.intent


def _question(turn: Turn, issue: str) -> list[EventType]:
    """Says the passage that answers a question, plainly that there is none, or that it was said before."""
    if _lacks_steps(turn, issue):
        turn.say(**answer_message(turn, issue, turn.product))
        return ask_solved(turn)
    kind, found = _asked(turn).removeprefix("ask_"), _named_passage(turn, issue)
    place = kind == "where" and bool(turn.slot("issue"))
    if found is None and place:
        found = asked_passage(turn, _steps(turn, turn.article(issue)))
    bare = place and len(turn.text.split()) <= _FEW_WORDS  # "where do I find that?": where the steps begin
    if found is None and not bare and _offer_passages(turn):
        return []
    if found is None and turn.slot("issue"):  # else no steps were shown: the issue was described for a ticket
        found = _passage_of(kind, turn, turn.article(issue))
    if found is not None:
        text: str = found.with_heading if turn.entity("passages") else found.text
    else:
        text = turn.reply("no_duration") if kind == "how_long" else turn.reply("no_passage", topic=turn.topic(issue))
    known = turn.has_said(text) if found is None else was_said(turn, found)
    about = turn.entity("about") or issue
    new = found is not None and not known
    again = [button(turn.label("show_again"), "send_again")] if turn.has_shown(issue) else []
    buttons = _buttons_of_named(turn, issue, text) if new else [*again, turn.person_button]
    if found is not None and (about != issue or turn.intent in issues()) and not turn.has_shown(about):
        buttons = [button(turn.label("show_steps"), about), *(each for each in buttons if each not in again)]
    # A passage of another article may have the same title: its button would seem to repeat what is said.
    likely = [each for each in likely_passages(turn) if found is None or each["title"] != found.heading]
    others, which = likely if new or known else [], turn.reply("which_passage_again")
    if known:
        above = [] if found is None or not found.heading else [turn.reply("passage_said", title=found.heading)]
        text = turn.unsaid(*above, turn.reply("passage_known"), turn.reply("objection_again"))
    other_issue, _, slug = turn.entity("also").partition("/")  # asked for by a second question
    second = section_of(turn, other_issue, slug) if slug else None
    if second is not None and not was_said(turn, second):
        turn.say(text, _without_person(turn, buttons))
        text, buttons = second.with_heading, _buttons_of_named(turn, other_issue, second.text)
    if others and not turn.has_said(which):
        turn.say(text, _without_person(turn, buttons))
        turn.say(which, [*others, turn.person_button])
    else:
        turn.say(text, [*others, *buttons])
    return ask_solved(turn) if turn.entity("question") and found is not None and not turn.form else []


def _lacks_steps(turn: Turn, issue: str) -> bool:
    """Tells whether a message names the issue at hand, of which only another product's steps were shown.

    "No, how do I cancel my private plan?", after the steps for a company's.
    """
    said, product = turn.parsed.get("said") or {}, turn.product
    names = said.get("name") == issue == turn.slot("issue") and said.get("confidence", 0.0) >= _NAMES_FROM
    surely_asks = turn.entity("section") and not turn.entity("passages")
    if not turn.text or turn.form or not names or surely_asks or product is None:
        return False
    return needs_product(turn.article(issue)) and turn.has_shown(issue) and not turn.has_shown(issue, product)


def _offer_passages(turn: Turn) -> bool:
    """Offers the passages that the pipeline holds for likely where none is surely meant; returns whether it did."""
    texts, buttons = [turn.reply("which_passage"), turn.reply("which_passage_again")], likely_passages(turn)
    if all(map(turn.has_said, texts)) or not buttons:
        return False
    turn.say(turn.unsaid(*texts), [*buttons, turn.person_button])
    return True


def _buttons_of_named(turn: Turn, issue: str, text: str) -> list[Button]:
    """Returns a button for each article that a passage refers to by its title, and one for a person if to support.

    After a death, too, as often nobody can sign in, and where the last answer did not help.
    """
    titles = {name: articles().title(name, turn.language) for name in issues() if name != issue}
    named = [button(title, name) for name, title in titles.items() if title.casefold() in text.casefold()]
    support = {*replies().words("support", turn.language)} & {*re.findall(r"\w+", text.casefold())}
    wanted = support or "death" in turn.signals or turn.intent in FAILED
    return [*named, turn.person_button] if wanted and not turn.form else named


def _without_person(turn: Turn, buttons: list[Button]) -> list[Button]:
    return [each for each in buttons if each != turn.person_button]


def _named_passage(turn: Turn, issue: str) -> Passage | None:
    """Returns the passage that a button names or the pipeline has found, which may be of another issue's article."""
    return section_of(turn, turn.entity("about") or issue, turn.entity("section"))


def _passage_of(kind: str, turn: Turn, article: Article) -> Passage | None:
    """Returns the passage that a question names in its words, else those of its kind, None if there is none."""
    sections = section_passages(article, turn.product)
    of_kind = [section for section in sections if section.kind == kind]
    found = asked_passage(turn, of_kind) if len(of_kind) > 1 else None
    if found is None and kind in ("what_if", "what_happens"):  # each is about a case of its own
        return asked_passage(turn, sections)
    if found is None and not (kind == "where" and len(of_kind) > 1):
        found = passage_of_kind(article, kind, turn.product)
    if found is None and kind in ("where", "not_there"):  # the step that it is about, or where the steps begin
        variant = shown_variant(article, turn.product, turn.agreement)
        begin = Passage(variant.section.title, variant.now)
        return asked_passage(turn, sections) or asked_passage(turn, _steps(turn, article)) or begin
    return found


def _step_failed(turn: Turn, issue: str) -> list[EventType]:
    """Repeats the step with what is behind most failures; asks which one it is where none is named."""
    article, which = turn.article(issue), turn.reply("which_step")
    steps, number = _steps(turn, article), _step(turn, article)
    if number is None:
        if _named_passage(turn, issue) is not None:
            return _question(turn, issue)
        if turn.has_said(which):
            return [FollowupAction("action_feedback")]
        numbers = range(1, min(len(steps), _MOST_BUTTONS) + 1)
        which_one = [button(turn.label("step", number=each), "step_failed", step=str(each)) for each in numbers]
        others = [button(turn.label("nothing_helped"), "already_tried"), turn.person_button]
        return turn.say(which, [*likely_passages(turn)[:_MOST_REASONS], *which_one, *others])
    step, product = steps[number - 1].markdown, shown_variant(article, turn.product).product
    reasons = [found for kind in _TROUBLE_KINDS if (found := passage_of_kind(article, kind, product))]
    trouble = [f"**{found.heading}**\n{found.markdown}" for found in reasons[:1]]
    turn.say(Text("\n\n".join([turn.reply("step_again", number=number), step, *trouble])))
    if not turn.form:
        ask_solved(turn)
    failed = [*(turn.slot("failed_steps") or []), f"{article.title} - {number}. {plain(step).splitlines()[0]}"]
    return [SlotSet("failed_steps", list(dict.fromkeys(failed)))]


def _links(turn: Turn, issue: str) -> list[EventType]:
    """Says the links once more; a page shows them as links, with the answer they belong to."""
    article = turn.article(issue)
    payload = answer_payload(issue, article, turn.product, turn.agreement) if turn.shows_payloads else None
    return turn.say("\n".join([turn.reply("links_again"), *link_lines(article, turn.product)]), payload=payload)


def _detail(turn: Turn, issue: str) -> list[EventType]:
    """Says the section or step that was asked about; offers the sections where none is recognised."""
    article = turn.article(issue)
    sections, steps = section_passages(article, turn.product), _steps(turn, article)
    found, number = _named_passage(turn, issue), _step(turn, article) if turn.slot("issue") else None
    if found is None and len(turn.text.split()) > _FEW_WORDS and _offer_passages(turn):
        return []
    if found is None and number is not None:
        found = Passage("", f"{turn.reply('step_again', number=number)}\n\n{steps[number - 1].markdown}")
    found = found or asked_passage(turn, sections) or asked_passage(turn, steps)
    text: str = found.with_heading if found else ""
    if found and not (turn.text and was_said(turn, found)):
        return turn.say(text, _buttons_of_named(turn, issue, text))
    likely, which = likely_passages(turn), turn.reply("which_part")
    offered = {each["title"] for each in likely}
    others = [each for each in map(section_button, sections) if each["title"] not in offered]
    text = turn.reply("passage_known") if turn.has_said(which) else which
    return turn.say(text, [*[*likely, *others][:_MOST_PARTS], turn.person_button])


def _step(turn: Turn, article: Article) -> int | None:
    """Returns the number of the step that a button or a sentence names, None if it names none that there is."""
    asked = turn.bot_texts[-1:] == [turn.reply("which_step")]
    return step_number(turn.entity("step") or turn.text, article.language, len(_steps(turn, article)), asked)


def _steps(turn: Turn, article: Article) -> list[Passage]:
    """Returns the steps that the customer was shown."""
    return [Passage("", step_text(step)) for step in shown_variant(article, turn.product, turn.agreement).steps]
