"""The words of the entity extractor, `data/entities.yml`: what people call currencies, months, errors and products."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, Extra, StrictStr, ValidationError

from bot.text.yaml_files import parse_yaml


class EntityWordsError(ValueError):
    """The word lists cannot be used; the message says where, what is wrong and how to mend it."""


class _Section(BaseModel):
    class Config:
        frozen = True
        extra = Extra.forbid
        keep_untouched = (cached_property,)


class DoubtfulCurrency(_Section):
    """When a word in lower case that has another meaning, too, counts as a currency."""

    before_number: bool = True
    at_least: int = 0


class EverydayName(_Section):
    """The neighbours of a product's name that show that the everyday word is meant."""

    after: tuple[StrictStr, ...] = ()
    before: tuple[StrictStr, ...] = ()


class LanguageWords(_Section):
    """The words of one language, or those shared by all; the file's head explains each field."""

    currencies: dict[str, tuple[StrictStr, ...]] = {}
    minor_units: dict[str, tuple[StrictStr, ...]] = {}
    dash_currency: str = ""
    multipliers: dict[StrictStr, int] = {}
    doubtful_currencies: dict[StrictStr, DoubtfulCurrency] = {}
    months: tuple[tuple[StrictStr, ...], ...] = ()
    month_first: bool = False
    day_words: tuple[StrictStr, ...] = ()
    day_endings: tuple[StrictStr, ...] = ()
    date_joiners: tuple[StrictStr, ...] = ()
    date_prepositions: tuple[StrictStr, ...] = ()
    date_order: str = ""
    dotted_dates: bool = False
    not_dates: tuple[StrictStr, ...] = ()
    not_dates_after: tuple[StrictStr, ...] = ()
    error_words: tuple[StrictStr, ...] = ()
    code_words: tuple[StrictStr, ...] = ()
    other_codes: tuple[StrictStr, ...] = ()
    error_code_words: tuple[StrictStr, ...] = ()
    fillers: tuple[StrictStr, ...] = ()
    products: dict[str, tuple[StrictStr, ...]] = {}
    product_endings: tuple[StrictStr, ...] = ()
    product_nouns: tuple[StrictStr, ...] = ()
    product_needs_noun: tuple[StrictStr, ...] = ()
    plans: tuple[StrictStr, ...] = ()
    everyday_names: dict[StrictStr, EverydayName] = {}

    def folded(self, field: str) -> frozenset[str]:
        """Returns the folded words listed under a field."""
        return frozenset(map(name_of, getattr(self, field)))


class EntityWords(_Section):
    """The word lists of all languages, and what can be looked up in them; words are folded (see `fold`)."""

    shared: LanguageWords
    languages: dict[str, LanguageWords]

    @property
    def sections(self) -> Iterator[LanguageWords]:
        """The shared section and that of each language."""
        yield self.shared
        yield from self.languages.values()

    def of(self, language: str | None) -> LanguageWords:
        """Returns the section of a language; an empty one where the language is unknown."""
        return self.languages.get(language or "", _NO_WORDS)

    def all(self, field: str) -> frozenset[str]:
        """Returns the folded words that any section lists under a field."""
        return self._folded[field]

    @cached_property
    def months(self) -> dict[str, int]:
        """Name of a month -> its number from 1 to 12, over all languages."""
        return {
            fold(name): number
            for section in self.sections
            for number, names in enumerate(section.months, start=1)
            for name in names
        }

    @cached_property
    def months_before_day(self) -> frozenset[str]:
        """Names of months after which the day may stand."""
        return frozenset(
            fold(name) for section in self.sections if section.month_first for names in section.months for name in names
        )

    @cached_property
    def currency_words(self) -> frozenset[str]:
        """What currencies and their hundredth parts are called, in any language."""
        return frozenset(self._currencies)

    @cached_property
    def minor_units(self) -> frozenset[str]:
        """What the hundredth parts of currencies are called, in any language."""
        lists = (names for section in self.sections for names in section.minor_units.values())
        return frozenset(name_of(name) for names in lists for name in names)

    @cached_property
    def multipliers(self) -> dict[str, int]:
        """Word between number and currency -> what it multiplies the number by."""
        return {fold(word): by for section in self.sections for word, by in section.multipliers.items()}

    @cached_property
    def doubtful_currencies(self) -> dict[str, DoubtfulCurrency]:
        """Currency word with another meaning -> when it counts."""
        return {fold(word): rule for section in self.sections for word, rule in section.doubtful_currencies.items()}

    @cached_property
    def product_names(self) -> dict[str, str]:
        """Name of a product -> `azure` or `microsoft365`."""
        return {
            name_of(name): product
            for section in self.sections
            for product, names in section.products.items()
            for name in names
        }

    @cached_property
    def product_nouns(self) -> tuple[str, ...]:
        """Beginnings of the words that go with a product."""
        return tuple(sorted(self.all("product_nouns")))

    @cached_property
    def everyday_names(self) -> dict[str, EverydayName]:
        """Name of a product that is an everyday word, too -> the neighbours that show this, over all languages."""
        names: dict[str, EverydayName] = {}
        for section in self.sections:
            for name, rule in section.everyday_names.items():
                known = names.get(fold(name), EverydayName())
                names[fold(name)] = EverydayName(
                    after=known.after + tuple(map(fold, rule.after)),
                    before=known.before + tuple(map(fold, rule.before)),
                )
        return names

    def currency(self, word: str, language: str | None) -> str | None:
        """Tells the currency that a word means in a language.

        Args:
            word: what the currency is called in the message.
            language: the message's language, None where unknown.

        Returns:
            The ISO code; the folded word itself where it may mean several currencies; None where the word means none
            in this language.
        """
        word = name_of(word)
        known = self._currencies.get(word, {})
        several_languages = frozenset().union(*known.values())
        if len(word) == 1 and word.isalpha() and language not in known:
            return None
        codes = known.get(language or "") or known.get(_SHARED) or several_languages
        if not codes:
            return None
        return next(iter(codes)) if len(codes) == 1 else word.rstrip(".")

    @cached_property
    def _currencies(self) -> dict[str, dict[str, frozenset[str]]]:
        """Word -> language -> ISO codes that it may mean there."""
        currencies: dict[str, dict[str, frozenset[str]]] = {}
        for name, section in ((_SHARED, self.shared), *self.languages.items()):
            for code, words in (*section.currencies.items(), *section.minor_units.items()):
                for word in words:
                    meanings = currencies.setdefault(name_of(word), {})
                    meanings[name] = meanings.get(name, frozenset()) | {code}
        return currencies

    @cached_property
    def _folded(self) -> dict[str, frozenset[str]]:
        lists = [name for name, field in LanguageWords.__fields__.items() if field.default == () and name != "months"]
        return {name: frozenset().union(*(section.folded(name) for section in self.sections)) for name in lists}


_SHARED = "shared"
_NO_WORDS = LanguageWords()


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    """Returns the one character that stands for a character."""
    if "\ud800" <= char <= "\udfff":
        return "?"  # half a character, which nothing behind can store
    if char.isspace():
        return "\n" if char in "\n\r\v\f\u2028\u2029" else " "
    return unicodedata.normalize("NFD", char.lower())[0]


_NOT_PLAIN = re.compile("[^ -~]")
_BETWEEN_WORDS = re.compile(r"(?<=\w)(?: +| ?[-–] ?)(?=\w)")


def fold(text: str) -> str:
    """Returns a text in lower case, without accents and with plain spaces: the form in which words are compared.

    It is as long as the text, so that offsets in one are offsets in the other.
    """
    if not text.isascii() or not text.isprintable():
        for char in set(_NOT_PLAIN.findall(text)):  # few kinds: `translate` takes three times as long
            text = text.replace(char, _folded(char))
    return text.lower()


def name_of(text: str) -> str:
    """Returns the folded form of a name: between its words a hyphen counts as a space."""
    folded = fold(text)
    return folded if folded.isalnum() else _BETWEEN_WORDS.sub(" ", folded)


@lru_cache(maxsize=8)
def load_entity_words(path: Path) -> EntityWords:
    """Reads the word lists.

    Args:
        path: the file, such as `data/entities.yml`.

    Raises:
        EntityWordsError: the file is missing, is not YAML, a field does not fit, or a month's name means two months.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf8"))
    except OSError as error:
        raise EntityWordsError(
            f"{path}: the word lists cannot be read ({error.strerror}); restore the file."
        ) from error
    except yaml.YAMLError as error:
        raise EntityWordsError(f"{path}: not valid YAML: {error}; mend the line named.") from error
    try:
        words = EntityWords.parse_obj(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise EntityWordsError(
            f"{path}: field {field}: {first['msg']}; mend it (words that YAML takes for something else need quotes)."
        ) from error
    _check_months(path, words)
    return words


def _check_months(path: Path, words: EntityWords) -> None:
    seen: dict[str, int] = {}
    for language, section in words.languages.items():
        if len(section.months) not in (0, 12):
            raise EntityWordsError(f"{path}: field languages.{language}.months: list all 12 months or none.")
        for number, names in enumerate(section.months, start=1):
            for name in names:
                if seen.setdefault(fold(name), number) != number:
                    raise EntityWordsError(
                        f"{path}: field languages.{language}.months: {name!r} is month {number} here and month "
                        f"{seen[fold(name)]} in another language; remove the rarer one."
                    )
