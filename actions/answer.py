"""Renders the answer that an article gives: as text for any channel, and as structure for a page that draws it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from actions.conversation import UNKNOWN, Button, Turn, button, replies
from actions.passages import Passage, note_text, section_passages
from bot.articles import parts
from bot.articles.model import Article, Note, Section, Step
from bot.articles.parts import documents
from bot.articles.replies import support_request_url
from bot.text.limited_markdown import Text, plain


def answer_message(turn: Turn, issue: str, product: str | None, begins: bool = True) -> dict[str, Any]:
    """Returns an issue's answer, `text` and `payload`, as the customer's channel can show it.

    Args:
        turn: the turn.
        issue: the issue.
        product: the customer's product, None where it is not known.
        begins: whether nothing is said before it; else it has no opening sentence.
    """
    if turn.has_no_steps(issue):  # customers with a personal plan have their own page
        return {"text": Text(turn.reply("personal_elsewhere"))}
    article = turn.article(issue)
    opens = begins and opening_fits(turn, article)
    payload = answer_payload(issue, article, product, turn.agreement, opens) if turn.shows_payloads else None
    return {"text": answer_text(article, product, turn.agreement, opens), "payload": payload}


def opening_fits(turn: Turn, article: Article) -> bool:
    """Tells whether an article's opening sentence fits: in the first answer, once, to nobody upset or in a hurry."""
    before = (turn.label("steps"), plain(parts.lead(article)))
    first = not any(each in text for each in before for text in turn.bot_texts)
    return first and "death" not in turn.signals and not (turn.message.is_angry or turn.message.sympathy)


def answer_text(article: Article, product: str | None, agreement: str | None, opens: bool = True) -> str:
    """Returns the answer for a channel without markup: what to do now, what to beware of, the steps, the documents.

    Args:
        article: the article that answers.
        product: the customer's product; None shows the issue's first.
        agreement: the customer's billing agreement, None where it is not known.
        opens: whether the article's opening sentence is said.
    """
    language = article.language
    shown = shown_variant(article, product, agreement)
    if elsewhere := agreement_text(article, shown.product, agreement):
        return f"{article.title}\n\n{plain(elsewhere)}"
    name = f" ({replies().label(shown.product, language)})" if shown.product and parts.needs_product(article) else ""
    paragraphs = [
        article.title,
        plain(parts.lead(article)) if opens else "",
        *(plain(paragraph) for paragraph in shown.section.paragraphs),
        *(plain(note_text(note)) for note in shown.warnings),
        "\n".join([f"{replies().label('steps', language)}{name}:", *_numbered(shown.steps)]),
        "\n".join([f"{replies().label('documents', language)}:", *link_lines(article, shown.product)]),
    ]
    return "\n\n".join(filter(None, paragraphs))


def brief_answer(article: Article, product: str | None, agreement: str | None) -> Text:
    """Returns what to do now and what to beware of, without the steps; empty where the article has no such sentence.

    Args:
        article: the article that answers.
        product: the customer's product; None takes the issue's first.
        agreement: the customer's billing agreement, None where it is not known.
    """
    shown = shown_variant(article, product, agreement)
    if not shown.now or agreement_text(article, shown.product, agreement):
        return Text("")
    return Text("\n\n".join([shown.now, *map(note_text, shown.warnings)]))


def answer_payload(
    issue: str, article: Article, product: str | None, agreement: str | None = None, opens: bool = True
) -> dict[str, Any]:
    """Returns the answer as structure (docs/how-it-works.md).

    Args:
        issue: the issue intent that is answered.
        article: the article that answers.
        product: the customer's product, None where it is not known.
        agreement: the customer's billing agreement, None where it is not known.
        opens: whether the article's opening sentence is said.
    """
    language, all_variants = article.language, parts.variants(article)
    agreements = (*parts.AGREEMENTS, UNKNOWN) if parts.agreements(article, "azure") else ()
    return {
        "type": "answer",
        "intent": issue,
        "article_id": f"{issue}/{language}",
        "language": language,
        "product": product,
        "agreement": agreement,
        "title": article.title,
        "lead": parts.lead(article) if opens else "",
        # Every variant travels along, so that the page can switch between them without asking again.
        "variants": [
            {
                "product": variant.product,
                "agreement": variant.agreement,
                "now": variant.now,
                "more": [*variant.section.paragraphs[1:]],
                "warnings": _as_json(variant.warnings),
                "steps": _as_json(variant.steps),
            }
            for variant in all_variants
        ],
        # What customers of each agreement are told in place of Azure's steps; empty where there are steps for them.
        "agreements": {name: agreement_text(article, "azure", name) for name in agreements},
        "contact": {
            name: replies().dialogue(f"contact_{name}", language, url=support_request_url(name))
            for name in dict.fromkeys(variant.product for variant in all_variants if variant.product)
        },
        "sections": [
            {**_as_json(section), "product": parts.section_product(section.slug)} for section in parts.passages(article)
        ],
        "links": [
            {
                "label": link.label,
                "url": link.url,
                "host": urlsplit(link.url).hostname,
                "product": parts.section_product(section.slug),
            }
            for section in article.sections
            if section.slug.startswith(parts.DOCUMENTS_SLUG)
            for link in section.links
        ],
    }


def _as_json(part: Any) -> Any:
    """Returns a part of an article as JSON has it, without what only its source needs."""
    if isinstance(part, tuple):
        return [_as_json(each) for each in part]
    if isinstance(part, (Section, Step, Note)):
        return {name: _as_json(value) for name, value in vars(part).items() if name not in ("links", "line")}
    return part


def agreement_text(article: Article, product: str | None, agreement: str | None) -> str:
    """Returns what customers of an agreement are told in place of steps; empty where the steps hold for them.

    Who has an enterprise agreement or buys from a partner often cannot act at all; who does not know which agreement
    she has is told where to look.
    """
    if product != "azure" or agreement in (None, "customer_agreement", *parts.agreements(article, product)):
        return ""
    return replies().dialogue(f"agreement_{agreement}", article.language)


def shown_variant(article: Article, product: str | None, agreement: str | None = None) -> parts.Variant:
    """Returns the first answer that a customer gets: that of the product, else the article's first one."""
    return parts.variant_for(article, product, agreement) or parts.variants(article)[0]


def link_lines(article: Article, product: str | None) -> list[str]:
    """Returns the documents for a product, a line each; all of them where it is not known."""
    return [f"- {link.label}: {link.url}" for link in documents(article, product)]


def _numbered(steps: tuple[Step, ...], indent: str = "") -> list[str]:
    lines = []
    for number, step in enumerate(steps, start=1):
        lines.append(f"{indent}{number}. {plain(step.markdown)}")
        lines.extend(f"{indent}   {plain(note_text(note))}" for note in step.notes)
        lines.extend(_numbered(step.steps, indent + "   "))
    return lines


def likely_passages(turn: Turn) -> list[Button]:
    """Returns a button for each passage, or issue, that the pipeline holds for likely, none where it names none."""
    return passage_buttons(turn, turn.entity("passages"))


def passage_buttons(turn: Turn, names: str, products: Collection[str | None] = (*parts.PRODUCTS, None)) -> list[Button]:
    """Returns a button for each of some passages (`issue/slug`), or issues (`issue/`), with a blank between them.

    Args:
        turn: the turn.
        names: the passages and issues.
        products: those whose passages are offered, None for passages that hold for all.
    """
    buttons: list[Button] = []
    for about, slug in (name.partition("/")[::2] for name in names.split()):
        if not slug:
            buttons += turn.title_buttons([about])
        elif parts.section_product(slug) in products and (section := section_of(turn, about, slug)) is not None:
            buttons.append(section_button(section, about=about))
    by_title: dict[str, Button] = {}
    for each in buttons:
        by_title.setdefault(each["title"], each)  # passages of two articles may have the same title
    return list(by_title.values())


def section_of(turn: Turn, issue: str, slug: str) -> Passage | None:
    """Returns a passage of an issue's article by its slug, None if there is none."""
    article = turn.article(issue)
    products = dict.fromkeys((turn.product, None))  # a button may name a passage of another product
    return next((section for product in products for section in section_passages(article, product, slug)), None)


def section_button(section: Passage, **about: str) -> Button:
    """Returns the button that asks for a passage; `about` names its article where that is not the one at hand."""
    return button(section.heading, "more_detail", section=section.slug, **about)
