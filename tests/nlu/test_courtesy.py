"""Courtesies around the matter make more examples, of the same intent and language."""

from __future__ import annotations

from bot.nlu.courtesy import LabelledText, with_courtesies

EXAMPLES = [
    LabelledText("hei", "greet", "nb"),
    LabelledText("takk", "thank", "nb"),
    LabelledText("ha det", "goodbye", "nb"),
    LabelledText("kan du hjelpe", "ask_help", "nb"),
    *(LabelledText(f"kortet ble avvist {number}", "card_declined", "nb") for number in range(200)),
    *(LabelledText(f"kortti hylättiin {number}", "card_declined", "fi") for number in range(200)),
]


def test_what_is_joined_keeps_its_intent_its_language_and_the_matter_whole() -> None:
    made = with_courtesies(EXAMPLES, share=1.0, seed=1)
    assert all(EXAMPLES[origin].text in example.text for origin, example in made)
    joined = [example for _, example in made]
    assert {(example.intent, example.language) for example in joined} == {("card_declined", "nb")}
    assert any(example.text.startswith("hei") for example in joined)
    assert any(example.text.endswith(("takk", "ha det")) for example in joined)


def test_the_share_says_how_many_and_the_seed_which() -> None:
    none = with_courtesies(EXAMPLES, share=0.0, seed=1)
    some = with_courtesies(EXAMPLES, share=0.3, seed=1)
    assert none == []
    assert 20 < len(some) < 100
    assert some == with_courtesies(EXAMPLES, share=0.3, seed=1)
    assert some != with_courtesies(EXAMPLES, share=0.3, seed=2)


def test_the_courtesies_themselves_are_not_joined() -> None:
    assert with_courtesies(EXAMPLES[:4], share=1.0, seed=1) == []
