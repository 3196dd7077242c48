"""Reads answers to the bot's questions by their words: which product, yes or no, which of several, thanks.

The words are those of the message's language in `data/lexicon/<lang>.yml` (`products`, `answers`, `agreements`), and
what people say everywhere: the names of plans and apps (`names`), and yes, no, thanks and agreements in English.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.articles.parts import PERSONAL, PRODUCTS, WORK
from bot.text.characters import fold_diacritics
from bot.text.lexicon import Lexicon, default_folder, load_lexicon

BOTH, NEITHER, UNKNOWN = "both", "neither", "unknown"

_TOKEN = re.compile(r"[^\W_]+(?:['.:-][^\W_]+)*|[?,.;!]")
_STOPS = frozenset("?,.;!")
# A word that denies or asks about a product stands at the most so many words before it, a denial also after it.
_REACH = 3
# An answer says at its beginning which of several it is, or that it is none.
_BEGINNING = 4

_LETTERS = frozenset("åäæöøü")
"""Letters of their own, which people may leave out and do not add; accents they do either with."""

Word = tuple[str, str]
"""A word in lower case without accents, and the same without any diacritics."""
Pattern = tuple[Word, ...]
"""A listed word, or several; one that ends in `*` stands for all that begin so."""
_Spans = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True)
class Answer:
    """The reading of a message as an answer.

    Args:
        product: one of `bot.articles.parts.PRODUCTS`, `BOTH`, `NEITHER`, `UNKNOWN`; None where it says nothing of it.
        named: the products that it names otherwise than to deny them.
        denied: the products that it says it is not about.
        agrees: True where it begins with a yes, False with a no, None with neither.
        thanks: whether it has a word of thanks.
        no_person: whether it says that no person is wanted.
        no_ticket: whether it says that no ticket is wanted.
        ends_with_thanks: whether three words at most follow that one: "thanks for your help".
        agreement: the billing agreement that it says the customer has, empty if none: "we have a Customer Agreement".
        place: which of several things it names by their order: "the second one" is 1; None if it names none.
        corrects: whether it says that the last answer was about something else: "that is not what i asked".
        another: whether it announces another matter: "one more thing".
        ticket: whether it has words with which people want a ticket opened, not denied: "open a ticket".
    """

    product: str | None
    named: frozenset[str]
    denied: frozenset[str]
    agrees: bool | None
    thanks: bool
    place: int | None
    agreement: str = ""
    corrects: bool = False
    another: bool = False
    ticket: bool = False
    no_person: bool = False
    no_ticket: bool = False
    ends_with_thanks: bool = False


def read_answer(text: str, language: str) -> Answer:
    """Returns what a message in a language says, taken as an answer."""
    words = [_folded(token) for token in _TOKEN.findall(text.replace("’", "'"))]
    tokens, spans = [folded for _, folded in words], _spans_in(words, _patterns(language))
    yes, no = (max((end for start, end in spans[kind] if start == 0), default=0) for kind in ("agree", "refuse"))
    named, denied = _products(tokens, spans)
    return Answer(
        product=_product(named, denied, spans),
        named=frozenset(named),
        denied=frozenset(denied),
        agrees=yes > no if yes != no else None,
        thanks=bool(spans["thank"]),
        ends_with_thanks=any(sum(token not in _STOPS for token in tokens[end:]) <= 3 for _, end in spans["thank"]),
        place=_place(tokens, spans),
        agreement=_agreement(tokens, spans),
        corrects=bool(spans["corrects"]),
        another=bool(spans["another"]),
        no_person=bool(spans["no_person"]),
        no_ticket=bool(spans["no_ticket"]),
        ticket=any(not _is_denied(tokens, spans, start, end) for start, end in spans["ticket"]),
    )


def _products(tokens: Sequence[str], spans: _Spans) -> tuple[set[str], set[str]]:
    """Returns the products that an answer names, and those that it denies."""
    not_named = [end for kind in ("denied", "what_is") for _, end in spans[kind]]
    named, denied = set[str](), set[str]()
    used = set[int]()  # a "not" denies the first product after it alone
    last = ("", -1, named)
    agreements = {start for start, _ in spans["enterprise"]}  # "Enterprise Agreement" is not the plan Enterprise
    found_names = ((start, end, name) for name in PRODUCTS for start, end in spans[name])
    mentions = sorted(found for found in found_names if found[0] not in agreements)
    several = len({name for _, _, name in mentions}) > 1 or bool(spans[BOTH])
    ends = (span for span in spans["denied"] if span not in spans["without"])  # "azure without a card" is Azure
    after = [span for span in ends if not any(_reaches(tokens, span[1], start) for start, _, _ in mentions)]
    for start, end, product in mentions:
        before = next((stop for stop in not_named if stop not in used and _reaches(tokens, stop, start)), None)
        if last[:2] == (product, start):  # another word for the same, as in "office 365"
            found = last[2]
        elif before is None:
            found = denied if several and _denied_after(tokens, end, after) else named
        else:
            used.add(before)
            found = denied
        found.add(product)
        last = (product, end, found)
    if named == {WORK, PERSONAL}:  # "365 family"
        named = {PERSONAL}
    return named, denied - named


def _product(named: set[str], denied: set[str], spans: _Spans) -> str | None:
    """Returns the one product that an answer names, or which other answer it is."""
    # "aucune idée" is more than "aucune".
    others = {kind: max((end - start for start, end in spans[kind]), default=0) for kind in (BOTH, NEITHER, UNKNOWN)}
    others[UNKNOWN] = max(others[UNKNOWN], len(spans["what_is"]))
    other = max(others, key=lambda kind: others[kind])
    begins = any(start == 0 for start, _ in spans[NEITHER])
    if other == NEITHER and begins and not denied and named != {PERSONAL}:  # not "neither, it is the family plan"
        return NEITHER
    if others[BOTH] and denied == {PERSONAL} and "azure" not in named:  # "the first two, not the private one"
        return BOTH
    if named:
        return next(iter(named)) if len(named) == 1 else BOTH
    return other if others[other] else None


def _agreement(tokens: Sequence[str], spans: _Spans) -> str:
    """Returns the billing agreement of a customer who has one; whoever asks "do we have one?" names none."""
    for name in ("customer_agreement", "enterprise"):
        for start, end in spans[name]:
            asks = tokens[_clause_end(tokens, end) :][:1] == ["?"]
            words = [*spans["under"], *([] if asks else spans["have"])]
            holds = [begin for begin, stop in words if _reaches(tokens, stop, start)]
            unsure = any(_reaches(tokens, stop, at) for _, stop in spans["what_is"] for at in (start, *holds))
            if holds and not unsure and not _is_denied(tokens, spans, start, end):
                return name
    return ""


def _clause_end(tokens: Sequence[str], place: int) -> int:
    return next((at for at in range(place, len(tokens)) if tokens[at] in _STOPS), len(tokens))


def _reaches(tokens: Sequence[str], end: int, start: int) -> bool:
    return 0 <= start - end < _REACH and not _STOPS & {*tokens[end:start]}


def _is_denied(tokens: Sequence[str], spans: _Spans, start: int, end: int) -> bool:
    """Tells whether a "no" or "not" of the same clause stands close before words, or ends it right after them."""
    denials = [denial for kind in ("denied", "refuse") for denial in spans[kind]]
    before = any(_reaches(tokens, stop, start) for _, stop in denials)
    return before or _denied_after(tokens, end, [denial for denial in denials if denial[0] == end])


def _denied_after(tokens: Sequence[str], end: int, denials: Iterable[tuple[int, int]]) -> bool:
    """Tells whether a denial ends the clause that begins with a product: "Azure nicht, Office"."""
    clause = _clause_end(tokens, end)
    return any(end <= start <= end + _REACH and clause - 1 <= stop <= clause for start, stop in denials)


def _place(tokens: Sequence[str], spans: _Spans) -> int | None:
    """Returns which of several things an answer names by its place, at its beginning.

    "The third one, please" does, "the third still shows the old card" says something of it.
    """
    kinds = enumerate(("first", "second", "third"))
    named = [(start, place, end) for place, kind in kinds for start, end in spans[kind]]
    start, place, end = min(named, default=(_BEGINNING, None, 0))
    chooses = start < _BEGINNING and _clause_end(tokens, end) - end <= _BEGINNING
    return place if chooses else None


def _folded(text: str) -> Word:
    lower = text.lower()
    kept = "".join(char if char in _LETTERS else fold_diacritics(char) for char in lower)
    return kept, fold_diacritics(lower)


def _spans_in(tokens: Sequence[Word], words: Mapping[str, Collection[tuple[str, Pattern]]]) -> _Spans:
    """Returns where in a message a word of each list begins and ends; of several that begin there the longest one."""
    spans: _Spans = defaultdict(list)
    for start, (_, token) in enumerate(tokens):
        ends: dict[str, int] = {}
        for kind, pattern in (*words.get(token, ()), *words.get(f"{token[0]}*", ())):
            part = tokens[start : start + len(pattern)]
            if len(part) == len(pattern) and all(map(_is, part, pattern)):
                ends[kind] = max(ends.get(kind, 0), start + len(pattern))
        for kind, end in ends.items():
            spans[kind].append((start, end))
    return spans


def _is(typed: Word, listed: Word) -> bool:
    """Tells whether a word is a listed one; letters may be left out, but "ändra" (change) is not "andra" (second)."""
    (token, bare), (word, bare_word) = typed, listed
    fits = bare.startswith(bare_word[:-1]) if bare_word.endswith("*") else bare == bare_word
    if not fits or word != bare_word:
        return fits
    return token.startswith(word[:-1]) if word.endswith("*") else token == word


@lru_cache(maxsize=32)
def _patterns(language: str) -> dict[str, set[tuple[str, Pattern]]]:
    """Returns the listed words, each with its list, by the first word, or its first letter and `*`."""
    lexicon = load_lexicon(default_folder())
    own, english = lexicon.get(language, Lexicon()), lexicon.get("en", Lexicon())
    names = [each.names for each in lexicon.values()]
    listed: defaultdict[str, set[tuple[str, Pattern]]] = defaultdict(set)
    agreements = [each.agreements for each in (own, english)]
    for section in (own.products, own.answers, *agreements, *names, english.answers):
        for kind, words in section:
            for pattern in (tuple(map(_folded, word.split())) for word in words):
                _, first = pattern[0]
                listed[f"{first[0]}*" if first.endswith("*") else first].add((kind, pattern))
    return dict(listed)
