"""What somebody may do to the project between two nights: damages that must be found, and changes that do no harm."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot.articles.examples import Example
from tests.regression_run.sandbox import Sandbox

NEW_PHRASE = Example("the shop refused my Visa twice this morning", "card_declined", "en", Path())


@dataclass(frozen=True)
class Damage:
    """One damage."""

    done: str
    do: Callable[[Sandbox], None]
    named: str
    """What the report must name as the first cause."""


def delete_an_intents_phrases(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [p for p in phrases if p.intent != "download_invoice"])


def swap_two_labels(sandbox: Sandbox) -> None:
    other = {"refund_request": "cancel_subscription", "cancel_subscription": "refund_request"}
    sandbox.rewrite_phrases(lambda phrases: [replace(p, intent=other.get(p.intent, p.intent)) for p in phrases])


def empty_a_language(sandbox: Sandbox) -> None:
    (sandbox.root / "data" / "nlu" / "nb" / "phrases.yml").write_text('version: "3.1"\n\nnlu: []\n', encoding="utf8")


def move_the_threshold(sandbox: Sandbox) -> None:
    replace_in(sandbox.root / "config.yml", "  threshold: 0.3", "  threshold: 0.9")


def delete_an_article(sandbox: Sandbox) -> None:
    (sandbox.root / "data" / "articles" / "card_declined" / "nb.md").unlink()


def break_an_entity_pattern(sandbox: Sandbox) -> None:
    replace_in(sandbox.root / "bot" / "nlu" / "entity_patterns.py", '_INVOICE = r"[eg]', '_INVOICE = r"[x]')


def remove_out_of_scope(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(
        lambda phrases: [p for n, p in enumerate(phrases) if p.intent != "out_of_scope" or n % 40 == 0]
    )


DAMAGES = [
    Damage("the phrases of an intent are deleted", delete_an_intents_phrases, "of download_invoice removed"),
    Damage("the labels of two intents are swapped", swap_two_labels, "relabelled from"),
    Damage("the file of a language is emptied", empty_a_language, "in nb removed"),
    Damage("the threshold is moved", move_the_threshold, "FallbackClassifier.threshold changed from 0.3 to 0.9"),
    Damage("an article is deleted", delete_an_article, "data/articles/card_declined/nb.md deleted"),
    Damage("an entity pattern is broken", break_an_entity_pattern, "bot/nlu/entity_patterns.py changed"),
    Damage("out-of-scope phrases are removed", remove_out_of_scope, "of out_of_scope removed"),
]


def shuffle(seed: int) -> Callable[[Sandbox], None]:
    def do(sandbox: Sandbox) -> None:
        sandbox.rewrite_phrases(lambda phrases: random.Random(seed).sample(phrases, len(phrases)))

    return do


def set_seed(seed: int) -> Callable[[Sandbox], None]:
    def do(sandbox: Sandbox) -> None:
        replace_in(
            sandbox.root / "config.yml",
            "- name: bot.nlu.intent.LinearIntentClassifier",
            f"- name: bot.nlu.intent.LinearIntentClassifier\n  random_seed: {seed}",
        )

    return do


def add_a_good_phrase(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [*phrases, NEW_PHRASE])


def remove_a_few_phrases(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [p for n, p in enumerate(phrases) if n % 97])


def mend_capitals(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [replace(p, text=p.text[:1].upper() + p.text[1:]) for p in phrases])


def reword_an_article(sandbox: Sandbox) -> None:
    path = sandbox.root / "data" / "articles" / "card_declined" / "en.md"
    path.write_text(path.read_text(encoding="utf8").replace(" card ", " payment card ", 1), encoding="utf8")


def comment_the_configuration(sandbox: Sandbox) -> None:
    path = sandbox.root / "config.yml"
    path.write_text("# nothing but a remark\n" + path.read_text(encoding="utf8"), encoding="utf8")


HARMLESS = {
    "the phrases are reordered": shuffle(1),
    "the phrases are reordered again": shuffle(2),
    "the phrases are reordered once more": shuffle(3),
    "a good phrase is added": add_a_good_phrase,
    "another seed": set_seed(8),
    "one more seed": set_seed(99),
    "one phrase in a hundred is dropped": remove_a_few_phrases,
    "phrases begin with a capital": mend_capitals,
    "an article is reworded": reword_an_article,
    "a remark in the configuration": comment_the_configuration,
}


def replace_in(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf8")
    assert old in content, f"{path} has changed; mend this damage"
    path.write_text(content.replace(old, new, 1), encoding="utf8")
