"""What the importer adds to Rasa's own training data, rules and domain."""

from __future__ import annotations

from pathlib import Path

import pytest
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.importer import RULE_REPLIES, ArticleImporter, Phrase
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore
from bot.articles.replies import Replies
from bot.articles.trees import TreeError


@pytest.fixture(scope="module")
def importer(root: Path) -> TrainingDataImporter:
    return TrainingDataImporter.load_from_config(
        str(root / "config.yml"), str(root / "domain.yml"), [str(root / "data")]
    )


@pytest.fixture(scope="module")
def examples(importer: TrainingDataImporter) -> TrainingData:
    return importer.get_nlu_data()


def test_every_issue_is_an_intent_with_a_rule_that_answers_it(importer: TrainingDataImporter) -> None:
    assert set(load_issues()) <= set(importer.get_domain().intents)
    rules = {step.block_name: step for step in importer.get_stories().story_steps}
    for intent in load_issues():
        actions = [getattr(event, "action_name", None) or "" for event in rules[f"answer {intent}"].events]
        spoken = [name for name in actions if name.startswith(("action_recommended", "utter_"))]
        assert spoken == ["action_recommended_steps", "utter_answer_failed"]


def test_replies_of_rules_are_in_the_domain_by_language_with_english_for_all_others(
    importer: TrainingDataImporter,
) -> None:
    responses = importer.get_domain().responses
    replies = Replies()
    for key in RULE_REPLIES:
        by_language = {
            variant["condition"][0]["value"]: variant["text"] for variant in responses[key] if "condition" in variant
        }
        assert by_language == {
            code: replies.text(key, code)
            for code in replies.languages()
            if code != "en" and (code in replies.complete() or key in replies.keys("replies", code))
        }
        unconditional = [variant["text"] for variant in responses[key] if "condition" not in variant]
        assert unconditional == [replies.text(key, "en")]


def test_titles_and_slugs_are_examples_of_their_issue(examples: TrainingData, root: Path) -> None:
    added = {(message.get("text"), message.get("intent")) for message in examples.intent_examples}
    store = ArticleStore(root / "data" / "articles")
    for intent, issue in load_issues().items():
        assert (store.article(intent, "nb").title, intent) in added
        assert all((source.replace("-", " "), intent) in added for source in issue.sources[:1])


def test_what_our_files_say_of_a_phrase_reaches_training(examples: TrainingData) -> None:
    declared = [message.get("metadata")["intent"] for message in examples.intent_examples]
    assert any(one.get("style") == "real" for one in declared)
    assert any(one.get("about_products") for one in declared)


def test_every_example_declares_its_language(examples: TrainingData) -> None:
    assert all(message.get("metadata")["intent"]["language"] for message in examples.intent_examples)


@pytest.fixture
def maltese_tree(tmp_path: Path) -> Path:
    """A tree with one article in Maltese and one that has not been translated yet."""
    tree = tmp_path / "mt-MT"
    tree.mkdir()
    first, second = load_issues()["card_declined"].sources[:2]
    (tree / f"{first}.md").write_text(
        "---\ntitle: Karta miċħuda\nms.contentlocale: mt-MT\n---\n# Karta miċħuda\n\n1. Ċempel lill-bank.\n",
        encoding="utf8",
    )
    (tree / f"{second}.md").write_text(
        "---\ntitle: The card fails\nms.contentlocale: en-US\n---\n# The card fails\n\nText.\n", encoding="utf8"
    )
    return tree


def test_a_configured_tree_adds_titles_as_examples_and_texts_that_teach_the_language(
    root: Path, maltese_tree: Path
) -> None:
    data = ArticleImporter(str(root / "config.yml"), trees=[str(maltese_tree)], training_data_paths=[]).get_nlu_data()
    added = {
        (message.get("text"), message.get("intent"))
        for message in data.training_examples
        if message.get("metadata")["intent"]["language"] == "mt"
    }
    assert added == {
        ("Karta miċħuda", "card_declined"),
        ("Karta miċħuda", None),
        ("Ċempel lill-bank.", None),
    }
    assert not any(message.get("text") == "The card fails" for message in data.training_examples)


def test_replies_of_rules_fall_back_to_each_language_for_one_that_has_a_tree_alone(
    root: Path, maltese_tree: Path
) -> None:
    importer = ArticleImporter(str(root / "config.yml"), str(root / "domain.yml"), trees=[str(maltese_tree)])
    replies = Replies()
    for key in RULE_REPLIES:
        found = {
            tuple(condition["value"] for condition in variant["condition"]): variant["text"]
            for variant in importer.get_domain().responses[key]
            if len(variant.get("condition", [])) == 2
        }
        assert found.keys() == {("mt", language) for language in replies.languages()}
        assert all(text.startswith(replies.text(key, language)) for (_, language), text in found.items())
        told = {("mt", language) for language in replies.languages() if key == "utter_greet"}
        assert {pair for pair, text in found.items() if text.endswith(replies.language_notice(*pair))} == told


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ("no/such/it-IT", "no/such/it-IT: no such article tree"),
        ("docs", "named for its locale"),
        ("tests/encoder/trees/de-DE", "holds none of the articles"),
    ],
)
def test_a_tree_that_cannot_be_used_is_named_with_the_remedy(root: Path, tree: str, told: str) -> None:
    importer = ArticleImporter(str(root / "config.yml"), training_data_paths=[], trees=[tree])
    with pytest.raises(TreeError, match=told):
        importer.get_nlu_data()


def test_files_with_annotated_entities_are_left_to_rasa(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "annotated.yml"
    path.write_text(
        'version: "3.1"\nnlu:\n- intent: pay_invoice\n  metadata:\n    language: en\n  examples: |\n'
        "    - pay [E0400ABCDE](invoice_number) now\n",
        encoding="utf8",
    )
    importer = ArticleImporter(str(root / "config.yml"), training_data_paths=[str(path)])
    message = importer.get_nlu_data().training_examples[0]
    assert message.get("text") == "pay E0400ABCDE now"
    assert message.get("entities")[0]["entity"] == "invoice_number"


def test_merging_does_not_copy_phrases() -> None:
    phrase = Phrase({"text": "pay", "intent": "pay_invoice", "metadata": {"intent": {"language": "en"}}})
    [merged] = TrainingData([phrase]).merge(TrainingData()).training_examples
    assert merged is phrase


def test_phrases_that_say_the_same_are_merged_into_one_and_none_is_lost() -> None:
    def phrase(text: str, intent: str) -> Phrase:
        return Phrase({"text": text, "intent": intent, "metadata": {"intent": {"language": "en"}}})

    first = TrainingData([phrase("pay", "pay_invoice"), phrase("no", "deny"), phrase("pay", "pay_invoice")])
    merged = first.merge(TrainingData([phrase("no", "deny"), phrase("no", "cancel_form")]))
    said = [(message.get("text"), message.get("intent")) for message in merged.training_examples]
    assert said == [("pay", "pay_invoice"), ("no", "deny"), ("no", "cancel_form")]
