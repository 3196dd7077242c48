"""Our own articles: the store that reads them, and the parts of one that answers are made of, found by their slugs.

Steps stand in a section for each product (`recommended-steps-azure`), where needed in another one for a billing
agreement (`recommended-steps-azure-enterprise`). A passage answers a follow-up question; its slug begins with the kind
of question (`who`, `how-long` ...) and ends with the product where the answer is that product's alone (`who-azure`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import compress
from pathlib import Path
from typing import get_args

from bot.articles.issues import Agreement, Kind, Product
from bot.articles.model import Article, Link, Note, Section, Step
from bot.articles.readers import read_article, read_title
from bot.articles.replies import Replies

STEPS_SLUG = "recommended-steps"
DOCUMENTS_SLUG = "recommended-documents"

PRODUCTS = get_args(Product)
WORK, PERSONAL = "microsoft365", "microsoft_account"
PRODUCT_SLUGS = {"azure": "azure", "microsoft365": "microsoft-365", "microsoft_account": "microsoft-account"}
"""Product -> the end of its sections' slugs."""

AGREEMENTS = get_args(Agreement)
"""The billing agreements that may have steps of their own; the section without one holds for the commonest."""

KINDS = get_args(Kind)
"""The kinds of follow-up questions that a passage may answer."""

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class ArticleNotFound(LookupError):  # noqa: N818 - the name that the house uses
    """There is no article on an issue, neither in the language asked for nor in the one to fall back on."""


class ArticleStore:
    """The articles of a folder `<intent>/<language>.md`.

    Args:
        folder: the folder, usually `data/articles`; nothing of it is read before it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._articles: dict[Path, Article] = {}
        self._titles: dict[tuple[str, str], str] = {}

    def article(self, intent: str, language: str, fallback: str = "en") -> Article:
        """Returns the article on an issue.

        Args:
            intent: the issue.
            language: the language wanted (ISO 639-1).
            fallback: the language taken where there is none in that.

        Raises:
            ArticleNotFound: there is neither.
            ArticleError: the file cannot be read as an article.
        """
        path = self._path(intent, language, fallback)
        if path not in self._articles:
            self._articles[path] = read_article(path)
        return self._articles[path]

    def title(self, intent: str, language: str) -> str:
        """Returns the title of the article on an issue, which takes a hundredth of the time that reading it takes.

        Args:
            intent: the issue.
            language: the language wanted (ISO 639-1); English where there is no article in that.

        Raises:
            ArticleNotFound, ArticleError: as for `article`.
        """
        if (intent, language) not in self._titles:
            self._titles[intent, language] = read_title(self._path(intent, language, "en"))
        return self._titles[intent, language]

    def _path(self, intent: str, language: str, fallback: str) -> Path:
        languages = tuple(dict.fromkeys((language, fallback)))
        for code in languages:
            path = self.folder / intent / f"{code}.md"
            # Names come from outside; none of them leads out of the folder.
            if path in self._articles or (_NAME.fullmatch(intent) and _NAME.fullmatch(code) and path.is_file()):
                return path
        tried = " or ".join(f"{intent}/{code}.md" for code in languages)
        raise ArticleNotFound(f"there is no article {tried} in {self.folder}; write one")

    def languages(self, intent: str = "*") -> tuple[str, ...]:
        """Returns the languages in which there is an article on an issue, or on any, in alphabetical order."""
        return tuple(sorted({path.stem for path in self.folder.glob(f"{intent}/??.md")}))


@dataclass(frozen=True)
class Variant:
    """The first answer for customers of one product, and of one agreement where that has steps of its own.

    Args:
        product: None where the steps are the same for all products.
        agreement: None for the commonest agreement.
        section: with the steps.
    """

    product: str | None
    agreement: str | None
    section: Section

    @property
    def now(self) -> str:
        """The sentence on what to do now, as limited Markdown; empty where the article has none apart."""
        return next(iter(self.section.paragraphs), "")

    @property
    def warnings(self) -> tuple[Note, ...]:
        """Deadlines, costs and what cannot be undone: what is read before the steps."""
        return self.section.notes

    @property
    def steps(self) -> tuple[Step, ...]:
        """The recommended steps."""
        return self.section.steps


def variants(article: Article) -> tuple[Variant, ...]:
    """Returns all first answers of an article, that for Microsoft 365 first: who means Azure mostly names it."""
    sections = (section for section in article.sections if f"{section.slug}-".startswith(f"{STEPS_SLUG}-"))
    found = (Variant(section_product(section.slug), _agreement(section.slug), section) for section in sections)
    return tuple(sorted(found, key=lambda variant: variant.product != "microsoft365"))


def variant_for(article: Article, product: str | None = None, agreement: str | None = None) -> Variant | None:
    """Returns the first answer for a customer.

    Args:
        article: one of our own articles.
        product: a product's name; None where it is not known.
        agreement: the billing agreement's name; None where it is not known.

    Returns:
        That of the product, and of the agreement if it has one of its own; None where the article has no steps for the
        product, or has several and the product is not known.
    """
    if product is None and needs_product(article):
        return None
    found = [variant for variant in variants(article) if product is None or variant.product in (product, None)]
    return next((variant for variant in found if variant.agreement == agreement), next(iter(found), None))


def needs_product(article: Article) -> bool:
    """Tells whether the steps differ between products, so that the product must be known."""
    return len({variant.product for variant in variants(article)}) > 1


def agreements(article: Article, product: str | None) -> tuple[str, ...]:
    """Returns the agreements for which a product has steps of their own."""
    return tuple(each.agreement for each in variants(article) if each.product == product and each.agreement)


def lead(article: Article) -> str:
    """Returns the text before the first section heading as limited Markdown, a blank line between paragraphs."""
    return "\n\n".join(article.sections[0].paragraphs) if article.sections else ""


def documents(article: Article, product: str | None = None) -> tuple[Link, ...]:
    """Returns the recommended documents: those for a product and those for all; every one where it is not known."""
    found = (section for section in article.sections if section.slug.startswith(DOCUMENTS_SLUG))
    links = (link for section in found if _holds_for(section, product) for link in section.links)
    return tuple({link.url: link for link in links}.values())


def passages(article: Article, product: str | None = None, slug: str | None = None) -> tuple[Section, ...]:
    """Returns the sections that answer follow-up questions, without what is for other products than a known one.

    With a slug, only the section that has it.

    That are whole sections, by their slugs, and list items that begin with the name of another product and a colon.
    """
    named = (section for section in article.sections[1:] if slug in (None, section.slug))
    found = (section for section in named if not section.slug.startswith("recommended-"))
    held = (section for section in found if _holds_for(section, product))
    return tuple(held if product is None else (_only_own_items(each, product, article.language) for each in held))


def _only_own_items(section: Section, product: str, language: str) -> Section:
    """Returns a section without list items that begin with other products' names, if items for the own one remain.

    These lose the name, and a single one is no list any more.
    """
    of = item_products(section, language)
    if not any(product in each for each in of):
        return section
    stays = [product in each or not each for each in of]
    kept = [_without_name(item, language) for item in compress(section.bullets, stays)]
    following = iter(stays)
    order = [kind for kind in section.order if kind != "bullet" or next(following)]
    if len(kept) > 1:
        return replace(section, bullets=tuple(kept), order=tuple(order))
    place = order.index("bullet")
    before = order[:place].count("paragraph")
    paragraphs = (*section.paragraphs[:before], kept[0].markdown, *section.paragraphs[before:])
    return replace(section, paragraphs=paragraphs, bullets=(), order=(*order[:place], "paragraph", *order[place + 1 :]))


def item_products(section: Section, language: str) -> list[frozenset[str]]:
    """Returns the products that each list item of a section is for: whose names it begins with; none: for all."""
    product_of = {Replies().label(each, language): each for each in PRODUCTS}
    begins = (_item_beginning(language).match(item.text) for item in section.bullets)
    names = (begin["names"].split(", ") if begin else [] for begin in begins)
    return [frozenset(product_of[name] for name in each) for each in names]


def _without_name(item: Step, language: str) -> Step:
    """Returns a list item without the products in front, unless more stands before the colon."""
    begin = _item_beginning(language).match(item.markdown)
    if begin is None or begin["more"].strip():
        return item
    text, markdown = (each[begin.end() :] for each in (item.text, item.markdown))
    return replace(item, text=text[:1].upper() + text[1:], markdown=markdown[:1].upper() + markdown[1:])


@lru_cache(maxsize=32)
def _item_beginning(language: str) -> re.Pattern[str]:
    """Returns how a list item for some products alone begins in a language: "Azure, Microsoft 365: "."""
    name = "|".join(re.escape(Replies().label(each, language)) for each in PRODUCTS)
    return re.compile(rf"(?P<names>(?:{name})(?:, (?:{name}))*)\b(?P<more>[^:.]*):\s")


def passage_kind(slug: str) -> str | None:
    """Returns the kind of question that the passage with a slug answers, None where it does not begin with one."""
    return next((kind for kind in KINDS if f"{slug}-".startswith(f"{_slug(kind)}-")), None)


def section_product(slug: str) -> str | None:
    """Returns the product that the section with a slug holds for, None where it holds for all."""
    for agreement in AGREEMENTS:
        slug = slug.removesuffix(f"-{_slug(agreement)}")
    return next((product for product, end in PRODUCT_SLUGS.items() if f"-{slug}".endswith(f"-{end}")), None)


def without_product(slug: str) -> str:
    """Returns a section's slug without the product at its end."""
    product = section_product(slug)
    begin, _, end = slug.rpartition(f"-{PRODUCT_SLUGS[product]}") if product else (slug, "", "")
    return begin + end


def _agreement(slug: str) -> str | None:
    return next((name for name in AGREEMENTS if slug.endswith(f"-{_slug(name)}")), None)


def _holds_for(section: Section, product: str | None) -> bool:
    return product is None or section_product(section.slug) in (product, None)


def _slug(name: str) -> str:
    return name.replace("_", "-")
