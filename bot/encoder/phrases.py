"""Reads customer phrases from Rasa's training files, and finds what is parallel to them and like them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.encoder.align import Segment
from bot.encoder.features import words_of


class PhraseFileError(ValueError):
    """A file of phrases cannot be used."""


@dataclass(frozen=True)
class Phrase:
    """What a customer says."""

    text: str
    intent: str
    language: str
    """ISO 639-1 code."""
    situation: str = ""
    """Number of the situation that it describes, common to all languages; empty where there is none."""


def read_phrases(folder: Path, without: Sequence[str] = ()) -> list[Phrase]:
    """Reads all phrases of a folder such as `data/nlu`.

    Args:
        folder: holds a folder per language with files in Rasa's training format; `metadata.situations` of a block lists
            a situation's number for each of its examples.
        without: languages to leave out.

    Returns:
        The phrases in the order of the files.

    Raises:
        PhraseFileError: a file is no training data, or it has a situation more or less than examples.
    """
    from ruamel.yaml import YAML

    loader = YAML(typ="safe")
    phrases: list[Phrase] = []
    for path in sorted(folder.glob("*/*.yml")):
        if path.parent.name in without:
            continue
        content = loader.load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise PhraseFileError(f"{path}: this is no training data; expected `nlu:` with intents and examples.")
        for block in content.get("nlu") or []:
            if "intent" in block:
                phrases.extend(_phrases_of_block(path, block))
    return phrases


def _phrases_of_block(path: Path, block: dict[str, Any]) -> list[Phrase]:
    examples = [
        line.strip()[1:].strip() for line in str(block.get("examples", "")).splitlines() if line.strip().startswith("-")
    ]
    situations = [str(number) for number in (block.get("metadata") or {}).get("situations") or []]
    if situations and len(situations) != len(examples):
        raise PhraseFileError(
            f"{path}: intent {block['intent']} has {len(examples)} examples but {len(situations)} entries in "
            "`metadata.situations`; give each example the number of its situation."
        )
    numbers = situations or [""] * len(examples)
    return [
        Phrase(text, block["intent"], path.parent.name, number) for text, number in zip(examples, numbers, strict=True)
    ]


def segments_like(phrases: Sequence[Phrase], segments: Sequence[Segment], at_most: int) -> list[Segment]:
    """Returns the segments whose words are most like those of customers, so that they can be trained on more often.

    The difference of the two unigram cross-entropies, as in Moore & Lewis 2010 (aclanthology.org/P10-2041), mean over
    the languages that have phrases; a segment's texts in other languages come along.

    Args:
        phrases: what customers say, in some of the languages.
        segments: parallel texts of articles.
        at_most: number of segments to return.
    """
    sums = np.zeros(len(segments))
    counts = np.zeros(len(segments))
    for language in {phrase.language for phrase in phrases}:
        said = Counter(word for phrase in phrases if phrase.language == language for word in words_of(phrase.text))
        words = [words_of(segment.texts.get(language, "")) for segment in segments]
        written = Counter(word for row in words for word in row)
        known = len(said.keys() | written.keys())
        shift = math.log(sum(written.values()) + known) - math.log(sum(said.values()) + known)
        for row, found in enumerate(words):
            if found:
                ratios = [math.log(said[word] + 1) - math.log(written[word] + 1) for word in found]
                sums[row] += sum(ratios) / len(ratios) + shift
                counts[row] += 1
    scores = np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf)
    return [segments[row] for row in np.argsort(-scores, kind="stable")[:at_most] if counts[row]]


def parallel_phrases(phrases: Sequence[Phrase]) -> list[Segment]:
    """Returns the phrases of situations that are described in two or more languages, as segments."""
    by_situation: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for phrase in phrases:
        if phrase.situation:
            by_situation[phrase.intent, phrase.situation].setdefault(phrase.language, phrase.text)
    return [
        Segment(f"{intent}-{number}", "phrase", texts)
        for (intent, number), texts in by_situation.items()
        if len(texts) > 1
    ]
