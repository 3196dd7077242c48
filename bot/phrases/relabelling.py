"""Reads decisions on suspect phrases and returns the training files with these moved or removed; writes none itself."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.articles.examples import Example, ExampleError, read_as_rasa, read_examples
from bot.phrases.model import ReviewError
from bot.text.yaml_files import parse_yaml

COLUMNS = ("decision", "language", "intent", "proposed", "reasons", "p_intent", "p_proposed", "copy", "file", "text")
"""Columns of a file of suspects; whoever reads it fills in the first one."""
MOVE, REMOVE = "move", "remove"
"""Decisions: to the proposed intent, away. The name of an intent is one, too; an empty one leaves the phrase alone."""
ABOUT_PRODUCTS = "out_of_scope/products"
"""The decision for what no issue covers and is about the products; `out_of_scope` is for the rest."""
_BLOCK = re.compile(r"^(?=- )", re.MULTILINE)
_SITUATIONS = re.compile(r"^    situations: \[.*\]\n", re.MULTILINE)
_EXAMPLES = "  examples: |\n"
_PHRASE = re.compile(r"^    - .*", re.MULTILINE)


@dataclass(frozen=True)
class Correction:
    """Decision on a phrase.

    Args:
        example: the phrase as it stands in its file.
        becomes: the phrase under its new intent; None removes it.
    """

    example: Example
    becomes: Example | None


def read_decisions(path: Path, folder: Path, intents: Collection[str]) -> list[Correction]:
    """Returns what a file of suspects says is to become of phrases.

    Args:
        path: TSV of `COLUMNS`.
        folder: of the training phrases.
        intents: that a phrase may go to.

    Raises:
        ReviewError: the file cannot be read, a decision is none, or a phrase is not where the file says.
        ExampleError: a file of phrases cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(f"{path} cannot be read ({error}); name a file that `data audit -o` wrote.") from error
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    if missing := {"decision", "proposed", "intent", "file", "text"} - {*(rows.fieldnames or ())}:
        raise ReviewError(f"{path}: no column {', '.join(sorted(missing))}; name a file that `data audit -o` wrote.")
    examples = {(each.path, each.intent, each.text): each for each in read_examples(folder)}
    corrections = []
    for number, row in enumerate(rows, start=2):
        decision = (row["decision"] or "").strip()
        if not decision:
            continue
        file = folder / (row["file"] or "")
        example = examples.get((file, row["intent"], row["text"]))
        if example is None:
            raise ReviewError(f"{path}:{number}: {file} has no such phrase any more; run the audit again.")
        to = row["proposed"] if decision == MOVE else decision
        intent = to.removesuffix("/products") if to == ABOUT_PRODUCTS else to
        if decision != REMOVE and (intent not in intents or intent == example.intent):
            raise ReviewError(
                f"{path}:{number}: {to!r} is no other intent; write {MOVE}, {REMOVE} or an intent's name."
            )
        about = to == ABOUT_PRODUCTS
        moved = replace(example, intent=intent, situation=None, passage=None, product=None, about_products=about)
        corrections.append(Correction(example, None if decision == REMOVE else moved))
    return corrections


def corrected_files(corrections: Sequence[Correction]) -> dict[Path, str]:
    """Returns the new content of each file that is concerned; empty for one without phrases.

    A moved phrase stays in its file and keeps its style. It loses its situation: those of the same number in other
    languages are not moved with it. Where the file has no block that fits, one is added at the end.

    Raises:
        ReviewError: a phrase is not where it is said to be, or Rasa would read something else.
        ExampleError: a file cannot be read.
    """
    paths = sorted({each.example.path for each in corrections})
    return {path: _corrected(path, [each for each in corrections if each.example.path == path]) for path in paths}


def _corrected(path: Path, corrections: Sequence[Correction]) -> str:
    expected = Counter(read_examples(path))
    head, *blocks = _BLOCK.split(path.read_text(encoding="utf8"))
    for each in corrections:
        left = ((place, _without(block, each.example)) for place, block in enumerate(blocks))
        place, block = next(((place, block) for place, block in left if block is not None), (0, None))
        if block is None:
            raise ReviewError(f"{path}: no `{each.example.text}` under {each.example.intent}; correct it by hand.")
        blocks[place] = block
        expected[each.example] -= 1
        if each.becomes:
            _add(blocks, each.becomes)
            expected[each.becomes] += 1
    content = head + "".join(blocks) if any(_EXAMPLES in block for block in blocks) else ""
    try:
        found = Counter(read_as_rasa(content, path))
    except ExampleError as error:
        raise ReviewError(f"{error} Nothing was written; correct the file by hand.") from error
    if found != +expected:
        raise ReviewError(f"{path}: Rasa would read other phrases. Nothing was written; correct the file by hand.")
    return content


def _without(block: str, example: Example) -> str | None:
    """Returns a block without one of its phrases, only comments where that was the last one; None if it lacks it."""
    if not _is_of(block, example.intent) or example.text not in block:
        return None
    start, _, phrases = block.partition(_EXAMPLES)
    lines = phrases.splitlines(keepends=True)
    own = [number for number, line in enumerate(lines) if line.startswith("    - ")]
    situations = parse_yaml(start)[0]["metadata"].get("situations") or [None] * len(own)
    rows = list(zip([lines[number][6:].strip() for number in own], situations, strict=False))
    if (example.text, example.situation) not in rows:
        return None
    if len(own) == 1:
        return "".join(line for line in lines if line.startswith("#"))
    place = rows.index((example.text, example.situation))
    del lines[own[place]]
    del situations[place]
    start = _SITUATIONS.sub(lambda _: f"    situations: {json.dumps(situations)}\n", start)
    return start + _EXAMPLES + "".join(lines)


def _is_of(block: str, intent: str) -> bool:
    return block.startswith(f"- intent: {intent}\n") and _EXAMPLES in block


def _add(blocks: list[str], example: Example) -> None:
    """Adds a phrase to the block that says of its phrases what is true of this one, or to a new one."""
    metadata: dict[str, Any] = {"language": example.language}
    metadata |= {"style": "real"} if example.real_style else {}
    metadata |= {"about_products": True} if example.about_products else {}
    for place, block in enumerate(blocks):
        if _is_of(block, example.intent) and parse_yaml(block)[0]["metadata"] == metadata:
            end = max(phrase.end() for phrase in _PHRASE.finditer(block))
            blocks[place] = f"{block[:end]}\n    - {example.text}{block[end:]}"
            return
    if blocks:
        blocks[-1] = blocks[-1].rstrip("\n") + "\n\n"
    written = "".join(f"    {name}: {str(value).lower()}\n" for name, value in metadata.items())
    blocks.append(f"- intent: {example.intent}\n  metadata:\n{written}{_EXAMPLES}    - {example.text}\n")
