"""Counts the words of the first answers, for each issue and variant, and prints a table.

python -m benchmarks.answer_lengths [--language en] [--articles data/articles]
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from bot.articles.parts import ArticleStore, Variant, variants
from bot.articles.promises import first_answer_words


def main(arguments: Sequence[str] | None = None) -> int:
    """Counts and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", default="en", help="whose articles are listed one by one (en)")
    parser.add_argument("--articles", type=Path, default=Path("data/articles"), help="the folder of articles")
    options = parser.parse_args(arguments)
    store = ArticleStore(options.articles)
    everywhere: dict[str, list[int]] = {}
    print("| issue | variant | words |\n|---|---|---|")
    for intent in sorted(folder.name for folder in options.articles.iterdir() if folder.is_dir()):
        for language in store.languages(intent):
            article = store.article(intent, language)
            for variant in variants(article):
                words = first_answer_words(article, variant)
                everywhere.setdefault(language, []).append(words)
                if language == options.language:
                    print(f"| {intent} | {_name(variant)} | {words} |")
    print("\n| language | answers | median words | most words |\n|---|---|---|---|")
    for language, counts in sorted(everywhere.items()):
        print(f"| {language} | {len(counts)} | {statistics.median(counts):.0f} | {max(counts)} |")
    return 0


def _name(variant: Variant) -> str:
    return ", ".join(part for part in (variant.product or "all products", variant.agreement) if part)


if __name__ == "__main__":
    raise SystemExit(main())
