"""Reads the phrases of `data/nlu` and `tests/regression`, YAML or lines `intent<TAB>text`, without rasa."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.text.yaml_files import read_yaml


class ExampleError(ValueError):
    """A file of examples cannot be used; the message says where, what is wrong and how to correct it."""


@dataclass(frozen=True)
class Example:
    """One phrase as a customer might type it.

    Args:
        text: the phrase.
        intent: what it is an example of.
        language: ISO 639-1 code.
        path: the file that it stands in.
        situation: phrases of all languages with the same intent and situation tell the same matter; None for others.
        about_products: True where no issue covers it and it is about the products, so that an imported article may
            answer it.
        real_style: True for phrases as customers really write them: with what happened before, mistakes and moods.
        product: the product that an answer names, `both`, `neither` or `unknown`; None for other phrases.
        passage: the passage that answers a question, as `issue/slug`; None for other phrases.
        implies: the product that a first message's situation implies, `none` where nobody could tell; None for others.
    """

    text: str
    intent: str
    language: str
    path: Path
    situation: str | None = None
    about_products: bool = False
    real_style: bool = False
    product: str | None = None
    passage: str | None = None
    implies: str | None = None


def read_examples(folder: Path) -> list[Example]:
    """Reads every example file below a folder.

    Args:
        folder: a folder of Rasa NLU files, or one such file; each entry declares `metadata: {language: ..}`.

    Raises:
        ExampleError: a file is not YAML, or an entry lacks its intent, examples or language.
    """
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.yml"))
    return [example for path in paths for example in _entries(path, read_yaml(path, ExampleError))]


def read_lines(path: Path) -> list[Example]:
    """Reads examples of one language from a file of lines `intent<TAB>text`; the file's name is the language.

    Raises:
        ExampleError: a line has no tab, or nothing on one side of it.
    """
    examples = []
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), start=1):
        intent, _, text = (part.strip() for part in line.partition("\t"))
        if not intent or not text:
            raise ExampleError(f"{path}:{number}: expected an intent, a tab and a text; correct the line.")
        examples.append(Example(text, intent, path.stem, path))
    return examples


def read_as_rasa(content: str, path: Path) -> list[Example]:
    r"""Reads examples from the content of a file that is about to be written, as `rasa train` will.

    Rasa's parser refuses some characters. In files of ASCII alone it takes `\u000a` for the character of that number.

    Args:
        content: YAML.
        path: where it is to be written.

    Raises:
        ExampleError: Rasa cannot read it, or an entry lacks its intent, examples or language.
    """
    from ruamel.yaml import YAML, YAMLError

    try:
        if content.isascii():  # as `rasa.shared.utils.io.read_yaml`
            content = content.encode().decode("raw_unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
        parser = YAML(typ="safe")
        parser.version = (1, 2)
        return list(_entries(path, parser.load(content)))
    except (YAMLError, UnicodeError) as error:
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ExampleError(f"{path}: Rasa could not read it ({reason}); leave out what it cannot read.") from error


def _entries(path: Path, content: Any) -> Iterator[Example]:
    for number, entry in enumerate((content or {}).get("nlu") or [], start=1):
        metadata = entry.get("metadata") or {}
        intent, lines, language = entry.get("intent"), entry.get("examples"), metadata.get("language")
        place = f"{path}: entry {number}"
        if not intent or not isinstance(lines, str) or not language:
            raise ExampleError(f"{place}: needs `intent`, `examples: |` and `metadata: {{language: ..}}`; add them.")
        texts = [line[2:].strip() for line in lines.splitlines() if line.startswith("- ")]
        situations = metadata.get("situations") or [None] * len(texts)
        if len(situations) != len(texts):
            counts = f"{len(situations)} situations for {len(texts)} examples"
            raise ExampleError(f"{place} ({intent}): {counts}; list one situation per example, in their order.")
        about, real_style = bool(metadata.get("about_products")), metadata.get("style") == "real"
        others = [metadata.get(name) for name in ("product", "passage", "implies")]
        for text, each in zip(texts, situations, strict=True):
            situation = None if each is None else str(each)
            yield Example(text, intent, language, path, situation, about, real_style, *others)
