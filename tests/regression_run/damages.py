"""What somebody may do to the project between two nights: damages that must be found, and changes that do no harm."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bot.articles.examples import Example
from tests.regression_run.sandbox import Sandbox

NEW_PHRASES = [
    Example(text, intent, language, Path())
    for text, intent, language in [
        ("the shop refused my Visa twice this morning", "card_declined", "en"),
        ("tried paying with two cards, both bounced, whats going on", "card_declined", "en"),
        ("need last quarter's invoices as pdf for our accountant", "download_invoice", "en"),
        ("we shut the office in June so please end the plan", "cancel_subscription", "en"),
        ("kortet funket i går men i dag får jeg bare feil når jeg skal betale", "card_declined", "nb"),
        ("hvor ligger kvitteringene fra i fjor høst", "download_invoice", "nb"),
        ("dere lovet meg pengene tilbake for tre uker siden", "refund_request", "nb"),
        ("kortet nekas fast det finns pengar på kontot", "card_declined", "sv"),
        ("en dragning på 349 kr som ingen här känner till", "unrecognized_charge", "sv"),
        ("vi behöver inte tjänsten längre, avsluta den tack", "cancel_subscription", "sv"),
    ]
]
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Damage:
    """One damage."""

    done: str
    do: Callable[[Sandbox], None]
    named: str
    """What the report must name as the first cause."""


def swap_a_pair_in_one_language(sandbox: Sandbox) -> None:
    other = {"refund_request": "unrecognized_charge", "unrecognized_charge": "refund_request"}
    sandbox.rewrite_phrases(
        lambda phrases: [replace(p, intent=other.get(p.intent, p.intent)) if p.language == "sv" else p for p in phrases]
    )


def delete_an_issues_phrases_in_one_language(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(
        lambda phrases: [p for p in phrases if (p.intent, p.language) != ("download_invoice", "nb")]
    )


def halve_a_language(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [p for n, p in enumerate(phrases) if p.language != "nb" or n % 2])


def empty_an_articles_steps(sandbox: Sandbox) -> None:
    path = sandbox.root / "data" / "articles" / "card_declined" / "nb.md"
    lines = path.read_text(encoding="utf8").splitlines()
    path.write_text("\n".join(line for line in lines if not re.match(r"\s*\d+\. ", line)) + "\n", encoding="utf8")


def remove_a_rule(sandbox: Sandbox) -> None:
    path = sandbox.root / "data" / "rules.yml"
    first, *rules = path.read_text(encoding="utf8").split("\n- rule: ")
    kept = [rule for rule in rules if "- intent: talk_to_human" not in rule]
    assert len(kept) == len(rules) - 1
    path.write_text("\n- rule: ".join([first, *kept]), encoding="utf8")


def raise_the_threshold(sandbox: Sandbox) -> None:
    replace_in(sandbox.root / "config.yml", "  threshold: 0.2", "  threshold: 0.6")


def make_noise_of_the_encoder(sandbox: Sandbox) -> None:
    path = sandbox.root / "bot" / "encoder" / "weights.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["codes"] = np.random.default_rng(5).integers(-127, 128, arrays["codes"].shape, dtype=np.int8)
    np.savez(path, **arrays)


def delete_an_article(sandbox: Sandbox) -> None:
    (sandbox.root / "data" / "articles" / "card_declined" / "nb.md").unlink()


def break_an_entity_pattern(sandbox: Sandbox) -> None:
    replace_in(sandbox.root / "bot" / "nlu" / "models" / "entity_patterns.py", '_INVOICE = r"[eg]', '_INVOICE = r"[x]')


def remove_out_of_scope(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(
        lambda phrases: [p for n, p in enumerate(phrases) if p.intent != "out_of_scope" or n % 40 == 0]
    )


DAMAGES = [
    Damage("a pair is swapped in one language", swap_a_pair_in_one_language, "phrases relabelled: from "),
    Damage(
        "an issue's phrases are deleted in one language",
        delete_an_issues_phrases_in_one_language,
        "phrases removed: download_invoice in nb",
    ),
    Damage("a language's phrases are halved", halve_a_language, "phrases removed: out_of_scope in nb"),
    Damage("an article's steps are emptied", empty_an_articles_steps, "data/articles/card_declined/nb.md changed"),
    Damage("a rule is removed", remove_a_rule, "data/rules.yml changed"),
    Damage("the threshold is raised", raise_the_threshold, "FallbackClassifier.threshold changed from 0.2 to 0.6"),
    Damage("noise instead of the encoder's weights", make_noise_of_the_encoder, "bot/encoder/weights.npz changed"),
    Damage("an article is deleted", delete_an_article, "data/articles/card_declined/nb.md deleted"),
    Damage("an entity pattern is broken", break_an_entity_pattern, "bot/nlu/models/entity_patterns.py changed"),
    Damage("out-of-scope phrases are removed", remove_out_of_scope, "phrases removed: out_of_scope in "),
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


def add_ten_phrases(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [*phrases, *NEW_PHRASES])


def remove_a_few_phrases(sandbox: Sandbox) -> None:
    sandbox.rewrite_phrases(lambda phrases: [p for n, p in enumerate(phrases) if n % 97])


def reword_an_article(sandbox: Sandbox) -> None:
    path = sandbox.root / "data" / "articles" / "card_declined" / "en.md"
    path.write_text(path.read_text(encoding="utf8").replace(" card ", " payment card ", 1), encoding="utf8")


def rename_a_rule(sandbox: Sandbox) -> None:
    replace_in(sandbox.root / "data" / "rules.yml", "- rule: a person is wanted", "- rule: hand over to a person")


def comment_the_configuration(sandbox: Sandbox) -> None:
    path = sandbox.root / "config.yml"
    path.write_text("# nothing but a remark\n" + path.read_text(encoding="utf8"), encoding="utf8")


def use_one_thread(sandbox: Sandbox) -> None:
    sandbox.variables.update(THREADS)


HARMLESS = {
    "the phrases are reordered": shuffle(1),
    "the phrases are reordered again": shuffle(2),
    "another seed": set_seed(8),
    "one more seed": set_seed(99),
    "ten phrases are added": add_ten_phrases,
    "one phrase in a hundred is dropped": remove_a_few_phrases,
    "one thread": use_one_thread,
    "an article is reworded": reword_an_article,
    "a rule is renamed": rename_a_rule,
    "a remark in the configuration": comment_the_configuration,
}


def replace_in(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf8")
    assert old in content, f"{path} has changed; correct this damage"
    path.write_text(content.replace(old, new, 1), encoding="utf8")
