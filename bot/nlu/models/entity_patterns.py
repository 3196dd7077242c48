"""Marks spans of a text that may be entities, by patterns of spaCy's Matcher and a tokenizer of its own.

Not every mark is an entity: `entity_values` confirms or drops each, and gives its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any

from spacy.attrs import LOWER, NORM
from spacy.matcher import Matcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from bot.nlu.models.entity_words import EntityWords
from bot.text.characters import fold, fold_name

Token = dict[str, Any]
Pattern = list[Token]

# One token whose neighbours decide what it is: a code after `error`, a date after `on`, `365` before `subscription`.
CANDIDATE = "candidate"

_OFFSETS = "offsets"
# What is looked for again from each place of a text has an end: the name before the @ of an address, and each part of
# a host's name (64 characters, RFC 5321 and 1035), the parts of a host's name, and the groups of digits in a number.
_LONGEST_LABEL = 64
_MOST_LABELS = 10
_MOST_GROUPS = 12

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBER: Token = {"TEXT": {"REGEX": r"^[0-9]+(?:[.,'’:][0-9]+)*$"}}
_HEAD: Token = {"TEXT": {"REGEX": r"^[0-9]{1,3}$"}}
_GROUP: Token = {"TEXT": {"REGEX": r"^[0-9]{3}$"}}
_TAIL: Token = {"TEXT": {"REGEX": r"^[0-9]{3}(?:[.,][0-9]{1,2})?$"}}
_DASH: Token = {"TEXT": {"REGEX": r"^[,.:][-–—]{1,2}$"}}
_DAY: Token = {"TEXT": {"REGEX": r"^(?:0?[1-9]|[12][0-9]|3[01])$"}}
_MONTH_NUMBER: Token = {"TEXT": {"REGEX": r"^(?:0?[1-9]|1[0-2])$"}}
_YEAR: Token = {"TEXT": {"REGEX": r"^(?:19|20)[0-9]{2}$"}}
_NUMERIC = (
    r"[0-9]{1,2}([./-])[0-9]{1,2}\1(?:[0-9]{4}|[0-9]{2})|[0-9]{4}([./-])[0-9]{1,2}\2[0-9]{1,2}"
    r"|[0-9]{1,2}/[0-9]{1,2}-(?:[0-9]{4}|[0-9]{2})"
)
_NUMERIC_DATE: Token = {"TEXT": {"REGEX": f"^(?:{_NUMERIC})$"}}
_SLASH_PAIR: Token = {"TEXT": {"REGEX": r"^[0-9]{1,2}/[0-9]{1,2}$"}}
_DOT_PAIR: Token = {"TEXT": {"REGEX": r"^[0-9]{1,2}\.[0-9]{1,2}$"}}
_INVOICE = r"[eg](?=(?:[a-z]*[0-9]){3})[a-z0-9]{6,11}"
_KNOWN_ERROR = r"0x[0-9a-f]{3,16}|aadsts[0-9]{4,8}|caa(?=[0-9a-f]*[0-9])[0-9a-f]{5,8}|[0-9]{3}-[0-9]{6}"
_CANDIDATE = rf"^(?!(?:{_INVOICE}|{_KNOWN_ERROR})$)(?=.*[1-9])[0-9a-z]{{1,12}}(?:[.-][0-9]{{1,8}})?$"
# Half of a character, which spaCy cannot store.
_SURROGATES = re.compile("[\ud800-\udfff]")


def span_offsets(span: Span) -> tuple[int, int]:
    """Returns where a span starts and ends in the text that was typed."""
    offsets = span.doc.user_data[_OFFSETS]
    return offsets[span.start][0], offsets[span.end - 1][1]


def _token_expression(words: EntityWords) -> str:
    """Returns the regular expression of one token of a folded text."""
    currencies = [word for word in words.currencies if word.isalpha()]
    abbreviations = _any(word for word in words.currencies if word.endswith("."))
    glued = {*currencies, *words.all["day_endings"], *words.months, *words.multipliers}
    known = {*words.product_names, *words.all["plans"], *words.currencies}
    names = [name for name in known if len(name) > 1 and not name.isalnum() and not name.endswith(".")]
    first_words = {name.split(" ")[0] for name in names if " " in name}
    return "|".join(
        [
            r" +",
            # Most words are nothing else: to say so first spares trying all that follows.
            rf"(?!{_any(filter(str.isalpha, words.product_names))}|(?:{_any(first_words)})[ -])"
            r"[^\W\d_]+(?=[ ,!?\n]|\Z)",
            r"\s",
            rf"{_GUID}(?![^\W_])",
            # Addresses name no product: portal.azure.com
            rf"(?:https?://|www\.)\S+|[\w.+-]{{1,{_LONGEST_LABEL}}}@[\w-]{{1,{_LONGEST_LABEL}}}\.[\w.-]*\w"
            rf"|(?:[a-z][\w-]{{0,{_LONGEST_LABEL}}}\.){{1,{_MOST_LABELS}}}(?:com|net|org)\b",
            r"0x[0-9a-f]+",
            # `kr.` is one token before a number, unless it ends what is said about the number before it.
            rf"(?<![0-9])(?<![0-9]\s)(?:{abbreviations})(?=\s?[0-9])",
            rf"(?<![^\W_])(?:{_any(name for name in names if name[-1].isalnum())})(?![^\W_])",
            rf"(?<![^\W_])(?:{_any(name for name in names if not name[-1].isalnum())})",
            rf"(?<![^\W_])(?:{_any(words.product_names)})(?=(?:{_any(words.all['product_nouns'])}))",
            rf"(?<![^\W_])(?:{_any(word for word in currencies if len(word) > 1)})(?=[0-9])",
            # The group makes the number atomic: it is taken whole, or the characters are a word such as `3D`.
            rf"(?=(?P<number>[0-9]+(?:[.,'’:/-][0-9]+){{0,{_MOST_GROUPS}}}))(?P=number)(?=(?:{_any(glued)})?(?![^\W_]))",
            r"(?<=[0-9])[,.:][-–—]{1,2}(?!\w)",
            r"[^\W_]+",
            r".",
        ]
    )


class EntityMatcher:
    """Marks what may be an entity: spaCy's rules as in its EntityRuler, the longest first, then the first.

    Its tokenizer splits a text at spaces and punctuation, and numbers from currencies; it keeps codes, numbers and
    names of several words whole.

    Args:
        words: the word lists.
    """

    def __init__(self, words: EntityWords) -> None:
        # No more than the patterns ask for: spaCy's own two dozen attributes take longer than all patterns.
        self.vocab = Vocab(lex_attr_getters={LOWER: str.lower, NORM: fold_name})
        self._token = re.compile(_token_expression(words))
        self._matcher = Matcher(self.vocab)
        for label, pattern in _patterns(words):
            self._matcher.add(label, [pattern])

    def __call__(self, text: str) -> list[Span]:
        """Returns the marked spans in the order of the text; they are to be confirmed by `entity_values`."""
        folded, storable = fold(text), _SURROGATES.sub("?", text)
        places = [match.span() for match in self._token.finditer(folded)]
        # One space where the text has several; a line's end becomes a token of its own, which separates its neighbours.
        offsets = [place for place in places if folded[place[0]] != " "]
        ends_before_space = {start for start, _ in places if folded[start] == " "}
        document = Doc(
            self.vocab,
            words=[storable[start:end] for start, end in offsets],
            spaces=[end in ends_before_space for _, end in offsets],
            user_data={_OFFSETS: offsets},
        )
        # As EntityRuler does: the longest, then the first; of those that are equally good the first one of the set.
        matches = set(self._matcher(document))
        return list(filter_spans(Span(document, start, end, label=label) for label, start, end in matches))


def _patterns(words: EntityWords) -> Iterator[tuple[str, Pattern]]:
    for label, patterns in (("amount", _amounts(words)), ("date", _dates(words)), ("product", _products(words))):
        yield from zip(repeat(label), patterns)
    yield "subscription_id", [{"LOWER": {"REGEX": rf"^{_GUID}$"}}]
    yield "invoice_number", [{"LOWER": {"REGEX": rf"^{_INVOICE}$"}}]
    yield "error_code", [{"LOWER": {"REGEX": rf"^(?:{_KNOWN_ERROR})$"}}]
    yield "error_code", [{"LOWER": "aadsts"}, {"TEXT": "-", "OP": "?"}, {"TEXT": {"REGEX": "^[0-9]{4,8}$"}}]
    clear_names = sorted(words.product_names.keys() - words.all["product_needs_noun"])
    yield CANDIDATE, [{"LOWER": {"REGEX": _CANDIDATE}, "NORM": {"NOT_IN": clear_names}}]


def _amounts(words: EntityWords) -> Iterator[Pattern]:
    currency: Token = {"NORM": {"IN": sorted(words.currencies)}}
    sign: Token = {"NORM": {"IN": sorted(word for word in words.currencies if not word[-1].isalnum())}}
    multiplier: Token = {"NORM": {"IN": sorted(words.multipliers)}, "OP": "?"}
    dash: Token = {**_DASH, "OP": "?"}
    numbers: list[Pattern] = [[_NUMBER], [_HEAD, {**_GROUP, "OP": "*"}, _TAIL]]
    for number in numbers:
        yield [*number, multiplier, dash, currency]
        yield [currency, *number, multiplier, dash]
        yield [sign, *number, dash, currency]
        yield [*number, _DASH]


def _dates(words: EntityWords) -> Iterator[Pattern]:
    name: Token = {"NORM": {"IN": list(words.months)}}
    ending: Token = {"NORM": {"IN": list(words.all["day_endings"])}, "OP": "?"}
    joiner: Token = {"NORM": {"IN": [*words.all["date_joiners"], "-"]}, "OP": "?"}
    dot: Token = {"TEXT": ".", "OP": "?"}
    comma: Token = {"TEXT": {"IN": [",", "."]}, "OP": "?"}
    day = [_DAY, {"TEXT": {"IN": [".", ":"]}, "OP": "?"}, ending]
    yield [_NUMERIC_DATE]
    yield [_SLASH_PAIR, {**_YEAR, "OP": "?"}]
    yield [_DOT_PAIR, {"TEXT": "."}]
    yield [_DOT_PAIR, dot, _YEAR]
    yield [_DAY, {"TEXT": "."}, _MONTH_NUMBER, {"TEXT": "."}, {**_YEAR, "OP": "?"}]
    for opening in ([], [{"NORM": {"IN": list(words.all["day_words"])}}, dot]):
        yield [*opening, *day, joiner, name]
        yield [*opening, *day, joiner, name, comma, joiner, _YEAR]
    yield [name, joiner, _YEAR]
    before_day = chain(*(chain(*section.months) for section in words.sections if section.month_first))
    first: Token = {"NORM": {"IN": list(before_day)}}
    yield [first, dot, joiner, _DAY, ending]
    yield [first, dot, joiner, _DAY, ending, comma, _YEAR]


def _products(words: EntityWords) -> Iterator[Pattern]:
    endings = ["", *sorted(words.all["product_endings"])]
    names = [name + ending for name in words.product_names for ending in endings]
    suites = [name for name, product in words.product_names.items() if product == "microsoft365"]
    needing_noun = words.all["product_needs_noun"]
    plan: Token = {"NORM": {"IN": sorted(words.all["plans"])}}
    several_words: Token = {"NORM": {"IN": sorted(plan for plan in words.all["plans"] if " " in plan)}}
    hyphen: Token = {"TEXT": {"IN": ["-", "–"]}, "OP": "?"}
    # A name that needs a noun is a candidate alone; followed by a plan of several words it is clear.
    yield [{"NORM": {"IN": sorted(set(names) - needing_noun)}}]
    yield [{"NORM": {"IN": sorted(set(suites) - needing_noun)}}, hyphen, plan, {**plan, "OP": "?"}]
    yield [{"NORM": {"IN": sorted(needing_noun)}}, hyphen, several_words]


def _any(words: Iterable[str]) -> str:
    """Returns the regular expression of any of some words, longest first; their spaces may be hyphens."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return "|".join("(?: +| ?[–-] ?)".join(map(re.escape, word.split(" "))) for word in longest_first) or "(?!)"
