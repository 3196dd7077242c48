"""Loads and checks the words of the entity extractor, `data/entities.yml`: currencies, months, errors, products."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import validator

from bot.text.characters import fold_name
from bot.text.lexicon import WordLists, read_words


class Word(str):
    """A word of a list, folded as `fold_name` does."""

    @classmethod
    def __get_validators__(cls) -> Iterator[Callable[[Any], Word]]:
        yield cls._folded

    @classmethod
    def _folded(cls, value: Any) -> Word:
        if not isinstance(value, str):  # `on` is a truth value in YAML, 12 a number
            raise TypeError("str type expected")
        return cls(fold_name(value))


class DoubtfulCurrency(WordLists):
    """Condition under which a word in lower case that has another meaning, too, counts as a currency."""

    before_number: bool = True
    at_least: int = 0


class EverydayName(WordLists):
    """The neighbours of a product's name that show that the everyday word is meant."""

    after: tuple[Word, ...] = ()
    before: tuple[Word, ...] = ()


class LanguageWords(WordLists):
    """The words of one language, or those shared by all; the file's head explains each field."""

    currencies: Mapping[str, tuple[Word, ...]] = {}
    minor_units: Mapping[str, tuple[Word, ...]] = {}
    dash_currency: str = ""
    multipliers: Mapping[Word, int] = {}
    doubtful_currencies: Mapping[Word, DoubtfulCurrency] = {}
    months: tuple[tuple[Word, ...], ...] = ()
    month_first: bool = False
    day_words: tuple[Word, ...] = ()
    day_endings: tuple[Word, ...] = ()
    date_joiners: tuple[Word, ...] = ()
    date_prepositions: tuple[Word, ...] = ()
    date_order: str = ""
    dotted_dates: bool = False
    not_dates: tuple[Word, ...] = ()
    not_dates_after: tuple[Word, ...] = ()
    error_words: tuple[Word, ...] = ()
    code_words: tuple[Word, ...] = ()
    other_codes: tuple[Word, ...] = ()
    error_code_words: tuple[Word, ...] = ()
    fillers: tuple[Word, ...] = ()
    products: Mapping[str, tuple[Word, ...]] = {}
    product_endings: tuple[Word, ...] = ()
    product_nouns: tuple[Word, ...] = ()
    product_needs_noun: tuple[Word, ...] = ()
    plans: tuple[Word, ...] = ()
    everyday_names: Mapping[Word, EverydayName] = {}

    @validator("months")
    @classmethod
    def _has_a_year(cls, months: tuple[tuple[Word, ...], ...]) -> tuple[tuple[Word, ...], ...]:
        if len(months) not in (0, 12):
            raise ValueError("list all 12 months or none")
        return months


class EntityWords(WordLists):
    """The word lists of all languages, and what can be looked up in them; words are folded (see `fold`)."""

    shared: LanguageWords
    languages: dict[str, LanguageWords]

    class Config:
        keep_untouched = (cached_property,)

    @validator("languages")
    @classmethod
    def _has_each_month_once(cls, languages: dict[str, LanguageWords]) -> dict[str, LanguageWords]:
        seen: dict[str, int] = {}
        for language, section in languages.items():
            for number, names in enumerate(section.months, start=1):
                for name in names:
                    if seen.setdefault(name, number) != number:
                        problem = f"{name!r} is month {number} of {language} and month {seen[name]} in another language"
                        raise ValueError(f"{problem}; remove the rarer one")
        return languages

    @property
    def sections(self) -> tuple[LanguageWords, ...]:
        """The shared section and that of each language."""
        return (self.shared, *self.languages.values())

    def of(self, language: str | None) -> LanguageWords:
        """Returns the section of a language; an empty one where the language is unknown."""
        return self.languages.get(language or "", _NO_WORDS)

    @cached_property
    def all(self) -> dict[str, frozenset[str]]:
        """Field -> the words that any section lists under it."""
        lists = [name for name, field in LanguageWords.__fields__.items() if field.default == () and name != "months"]
        return {name: frozenset(chain(*(getattr(section, name) for section in self.sections))) for name in lists}

    @cached_property
    def months(self) -> dict[str, int]:
        """Name of a month -> its number from 1 to 12, over all languages."""
        numbered = (pair for section in self.sections for pair in enumerate(section.months, start=1))
        return {name: number for number, names in numbered for name in names}

    @cached_property
    def minor_units(self) -> frozenset[str]:
        """Names of the hundredth parts of currencies, in any language."""
        return frozenset(chain(*(chain(*section.minor_units.values()) for section in self.sections)))

    @cached_property
    def multipliers(self) -> dict[str, int]:
        """Word between number and currency -> what it multiplies the number by."""
        return {word: by for section in self.sections for word, by in section.multipliers.items()}

    @cached_property
    def doubtful_currencies(self) -> dict[str, DoubtfulCurrency]:
        """Currency word with another meaning -> when it counts."""
        return {word: rule for section in self.sections for word, rule in section.doubtful_currencies.items()}

    @cached_property
    def product_names(self) -> dict[str, str]:
        """Name of a product -> `azure` or `microsoft365`."""
        named = (pair for section in self.sections for pair in section.products.items())
        return {name: product for product, names in named for name in names}

    @cached_property
    def everyday_names(self) -> dict[str, EverydayName]:
        """Name of a product that is an everyday word, too -> the neighbours that show this, over all languages."""
        names: defaultdict[str, EverydayName] = defaultdict(EverydayName)
        for name, rule in chain(*(section.everyday_names.items() for section in self.sections)):
            names[name] = EverydayName(after=names[name].after + rule.after, before=names[name].before + rule.before)
        return names

    def currency(self, word: str, language: str | None) -> str | None:
        """Returns the currency that a word means in a language.

        Args:
            word: what the currency is called in the message, folded.
            language: the message's language, None where unknown.

        Returns:
            The ISO code; the word itself where it may mean several currencies; None where the word means none in this
            language.
        """
        known = self.currencies.get(word, {})
        if len(word) == 1 and word.isalpha() and language not in known:
            return None
        codes = known.get(language or "") or known.get(_SHARED) or frozenset().union(*known.values())
        return word.rstrip(".") if len(codes) > 1 else next(iter(codes), None)

    @cached_property
    def currencies(self) -> dict[str, dict[str, set[str]]]:
        """Name of a currency or of its hundredth part -> language -> ISO codes that it may mean there."""
        currencies: defaultdict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for language, section in ((_SHARED, self.shared), *self.languages.items()):
            for code, words in chain(section.currencies.items(), section.minor_units.items()):
                for word in words:
                    currencies[word][language].add(code)
        return {word: dict(meanings) for word, meanings in currencies.items()}


_SHARED = "shared"
_NO_WORDS = LanguageWords()


@lru_cache(maxsize=8)
def load_entity_words(path: Path) -> EntityWords:
    """Returns the word lists of a file such as `data/entities.yml`.

    Raises:
        LexiconError: the file is missing, is not YAML, a field does not fit, or a month's name means two months.
    """
    return read_words(path, EntityWords)
