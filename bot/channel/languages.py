"""Chooses the language that a request is answered in, and guesses the one that its visitor writes in."""

from __future__ import annotations

from contextlib import suppress

from sanic.request import Request

from bot.articles.language import normalise
from bot.articles.replies import Replies
from bot.channel.requests import header_of

_MOST_LANGUAGES = 20


def _accepted_languages(request: Request) -> list[str]:
    """Returns the locales of the Accept-Language header, most wanted first (RFC 9110, 12.5.4)."""
    ranked = []
    for item in header_of(request, "accept-language").split(",")[:_MOST_LANGUAGES]:
        locale, _, weight = item.partition(";")
        with suppress(ValueError):
            ranked.append((float(weight.strip().removeprefix("q=") or 1), locale.strip()))
    ranked.sort(key=lambda found: found[0], reverse=True)
    return [locale for quality, locale in ranked if locale and quality > 0]


def visitor_language(request: Request, replies: Replies) -> str:
    """Returns the language to answer a request in: that of its address (`?lang=`), else of the browser."""
    return replies.answer_language(request.args.get("lang"), *_accepted_languages(request))


def page_languages(request: Request, replies: Replies, named: str | None, shown: str | None) -> tuple[str, str]:
    """Returns the language of the page's words, and what the visitor most likely writes in: a language of any kind.

    Args:
        request: names the languages of the browser.
        replies: the bot's texts.
        named: what the page's address names (`?lang=`), None if it names none.
        shown: what the page asks for, None if it asks for none.
    """
    accepted = _accepted_languages(request)
    language = replies.answer_language(shown, *accepted)
    for code in map(normalise, (named, shown)):
        if code and code not in replies.languages():
            return language, code
    # A page in another language than the browser's was chosen by the visitor.
    if accepted and replies.answer_language(*accepted) == language:
        return language, normalise(accepted[0]) or language
    return language, language
