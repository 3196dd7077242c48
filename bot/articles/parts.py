"""The parts of our own articles that answers are made of, found by the slugs of their sections."""

from __future__ import annotations

from bot.articles.model import Article, Link, Section, Step

STEPS_SLUG = "recommended-steps"
DOCUMENTS_SLUG = "recommended-documents"
CONTACT_SLUG = "contact"

VARIANT_SLUGS = {"azure": f"{STEPS_SLUG}-azure", "microsoft365": f"{STEPS_SLUG}-microsoft-365"}
"""The section with a product's own steps, for each product."""


def recommended_steps(article: Article, product: str | None = None) -> tuple[Step, ...]:
    """Returns the recommended steps for a product.

    Args:
        article: one of our own articles.
        product: `azure` or `microsoft365`; None where it is not known.

    Returns:
        The steps that are the same for every product, else those of the product; empty where the article has no steps
        for it. Of an article with the steps of one product only, those.
    """
    common = article.section(STEPS_SLUG)
    if common is not None:
        return common.steps
    variants = [section for slug in VARIANT_SLUGS.values() if (section := article.section(slug)) is not None]
    if product is None:
        return variants[0].steps if len(variants) == 1 else ()
    section = article.section(VARIANT_SLUGS.get(product, f"{STEPS_SLUG}-{product}"))
    return section.steps if section is not None else ()


def needs_product(article: Article) -> bool:
    """Tells whether the steps differ between the products, so that the product must be known."""
    return article.section(STEPS_SLUG) is None and all(
        article.section(slug) is not None for slug in VARIANT_SLUGS.values()
    )


def lead(article: Article) -> str:
    """Returns the text before the first section heading as limited Markdown, a blank line between paragraphs."""
    return "\n\n".join(article.sections[0].paragraphs) if article.sections else ""


def documents(article: Article) -> tuple[Link, ...]:
    """Returns the recommended documents."""
    section = article.section(DOCUMENTS_SLUG)
    return section.links if section is not None else ()


def contact(article: Article) -> Section | None:
    """Returns the section that says when to contact the bank or the support."""
    return article.section(CONTACT_SLUG)
