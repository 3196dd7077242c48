"""Reads `data/lexicon/<lang>.yml`: the words of each language that the bot looks for in what people write."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Extra, StrictStr, ValidationError, validator

from bot.settings import get_settings
from bot.text.yaml_files import read_yaml

# `*` stands for letters that may be glued on: at the beginning, or after any word.
_WORDS = re.compile(r"\*?[^\W_][^\s*]*\*?( [^\W_][^\s*]*\*?)*")


class LexiconError(ValueError):
    """A file of word lists cannot be used; the message says which, what is wrong and how to correct it."""


class WordLists(BaseModel):
    """Word lists of one file, or a section of them; fields that it does not know are refused."""

    class Config:
        extra = Extra.forbid
        frozen = True


class _Words(WordLists):
    @validator("*", each_item=True)
    @classmethod
    def _is_word(cls, word: str) -> str:
        if not _WORDS.fullmatch(word):
            raise ValueError(f"`{word}` is no word; write letters, with `*` only at the beginning or after a word")
        return word


class MaskingWords(_Words):
    """The words by which numbers to hide are told; `data/lexicon/en.yml` explains each list."""

    security_code: tuple[StrictStr, ...] = ()
    equals: tuple[StrictStr, ...] = ()
    between: tuple[StrictStr, ...] = ()
    code: tuple[StrictStr, ...] = ()
    then: tuple[StrictStr, ...] = ()
    reference: tuple[StrictStr, ...] = ()


class ProductNames(_Words):
    """The names of products, plans and apps, the same in every language."""

    azure: tuple[StrictStr, ...] = ()
    microsoft365: tuple[StrictStr, ...] = ()
    microsoft_account: tuple[StrictStr, ...] = ()


class ProductWords(ProductNames):
    """The words by which an answer names a product; `data/lexicon/en.yml` explains each list."""

    both: tuple[StrictStr, ...] = ()
    neither: tuple[StrictStr, ...] = ()
    unknown: tuple[StrictStr, ...] = ()
    without: tuple[StrictStr, ...] = ()
    denied: tuple[StrictStr, ...] = ()
    what_is: tuple[StrictStr, ...] = ()


class AnswerWords(_Words):
    """The words by which short answers are told; `data/lexicon/en.yml` explains each list."""

    agree: tuple[StrictStr, ...] = ()
    refuse: tuple[StrictStr, ...] = ()
    thank: tuple[StrictStr, ...] = ()
    first: tuple[StrictStr, ...] = ()
    second: tuple[StrictStr, ...] = ()
    third: tuple[StrictStr, ...] = ()
    corrects: tuple[StrictStr, ...] = ()
    another: tuple[StrictStr, ...] = ()
    ticket: tuple[StrictStr, ...] = ()
    no_person: tuple[StrictStr, ...] = ()
    no_ticket: tuple[StrictStr, ...] = ()


class AgreementWords(_Words):
    """The words by which a billing agreement is told; `data/lexicon/en.yml` explains each list."""

    customer_agreement: tuple[StrictStr, ...] = ()
    enterprise: tuple[StrictStr, ...] = ()
    under: tuple[StrictStr, ...] = ()
    have: tuple[StrictStr, ...] = ()


class AddressWords(_Words):
    """The words by which the signs of an e-mail address are spelt out; `data/lexicon/en.yml` explains each list."""

    at: tuple[StrictStr, ...] = ()
    dot: tuple[StrictStr, ...] = ()


class Lexicon(WordLists):
    """The word lists of one language."""

    masking: MaskingWords = MaskingWords()
    names: ProductNames = ProductNames()
    products: ProductWords = ProductWords()
    answers: AnswerWords = AnswerWords()
    agreements: AgreementWords = AgreementWords()
    addresses: AddressWords = AddressWords()


Lists = TypeVar("Lists", bound=WordLists)


def default_folder() -> Path:
    """Returns the folder of the lexicon that the settings name."""
    return get_settings().data_dir / "lexicon"


@lru_cache(maxsize=4)
def load_lexicon(folder: Path) -> dict[str, Lexicon]:
    """Returns the lexicon of every language that has a file in a folder; read once.

    Args:
        folder: holds a file `<lang>.yml` for each language.

    Raises:
        LexiconError: there are no files, or one cannot be read or has words that cannot be used.
    """
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise LexiconError(f"{folder}: no word lists (<lang>.yml) found; restore the folder.")
    return {path.stem: read_words(path, Lexicon) for path in files}


def read_words(path: Path, kind: type[Lists]) -> Lists:
    """Returns the word lists of a file.

    Args:
        path: the file.
        kind: what lists it holds.

    Raises:
        LexiconError: it cannot be read or has words that cannot be used.
    """
    content = read_yaml(path, LexiconError)
    try:
        return kind.parse_obj(content or {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "__root__")
        problem = (
            f"{path}: {field or 'the file'}: {first['msg']}; correct that entry (numbers and words such as `on`, `no`"
        )
        problem += " and `yes` need quotes; docs/adding-a-language.md says what belongs there)."
        raise LexiconError(problem) from error
