"""Prints who is offered documents among held-out messages that no issue covers, per language.

python -m benchmarks.long_tail [--model FILE] [--errors]

`products`: about the products (tests/regression, labelled in held_out.yml); `questions`: of benchmarks/search/queries;
`others`: about other companies' bills; `far`: the weather, jokes, sports. Messages that are taken for an issue are
answered with that and counted as not offered. With imported articles, documents must be found, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from actions.documents import find_documents
from benchmarks.held_out import share
from benchmarks.search.__main__ import read_questions
from bot.articles.examples import read_examples
from bot.regression.measure import HELD_OUT, REFUSALS, NluModel
from bot.settings import get_settings
from bot.text.yaml_files import read_yaml
from bot.training import train

KINDS = ("products", "questions", "others", "far")
LABELS = Path(__file__).parent / "held_out.yml"


@dataclass(frozen=True)
class Message:
    """A held-out message."""

    text: str
    language: str
    kind: str


def messages() -> Iterator[Message]:
    """Yields the held-out messages of every kind.

    Raises:
        LookupError: a labelled phrase is no longer among the held-out ones.
    """
    labels = read_yaml(LABELS, ValueError)
    kinds = {
        (language, text): kind for language, found in labels.items() for kind, texts in found.items() for text in texts
    }
    outside = [example for example in read_examples(HELD_OUT) if example.intent == "out_of_scope"]
    lost = kinds.keys() - {(example.language, example.text) for example in outside}
    if lost:
        raise LookupError(f"{LABELS} names phrases that tests/regression has no more: {sorted(lost)}; remove them.")
    for example in outside:
        yield Message(example.text, example.language, kinds.get((example.language, example.text), "far"))
    for question in read_questions():
        yield Message(question.text, question.language, "questions")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_tail", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path, help="measure this model instead of that of the present content")
    parser.add_argument("--errors", action="store_true", help="list what is offered or not offered by mistake")
    options = parser.parse_args(arguments)
    asked = list(messages())
    parsed = NluModel(options.model or train()).parse([message.text for message in asked])
    offered = [_is_offered(message, result) for message, result in zip(asked, parsed, strict=True)]
    rows = []
    for language in (*sorted({message.language for message in asked}), "all"):
        shares = []
        for kind in KINDS:
            chosen = [
                found
                for message, found in zip(asked, offered, strict=True)
                if message.kind == kind and language in (message.language, "all")
            ]
            shares.append(f"{share(chosen):.0%} of {len(chosen)}" if chosen else "-")
        rows.append((language, *shares))
    imported = get_settings().articles_database.is_file()
    print("documents offered, " + ("with imported articles" if imported else "without articles: would be searched for"))
    print(tabulate(rows, headers=("language", *KINDS)))
    if options.errors:
        for message, result, found in zip(asked, parsed, offered, strict=True):
            if found != (message.kind in ("products", "questions")):
                about = result["about_products"]["confidence"]
                print(f"{message.kind} {message.language} {result['intent']['name']} {about:.2f}: {message.text}")
    return 0


def _is_offered(message: Message, parsed: dict[str, Any]) -> bool:
    if parsed["intent"]["name"] not in REFUSALS or not parsed["about_products"]["likely"]:
        return False
    return bool(find_documents(message.text, message.language)) or not get_settings().articles_database.is_file()


if __name__ == "__main__":
    raise SystemExit(main())
