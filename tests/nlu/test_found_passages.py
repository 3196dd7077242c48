"""Answers that a message may ask for, variants of a passage by product together."""

from __future__ import annotations

from bot.nlu.models.found_passages import NOTHING, Found
from bot.nlu.product_reader import only_for_companies


def test_variants_of_a_passage_by_product_count_together() -> None:
    likely = [("a/", 0.35), ("a/who-azure", 0.25), ("a/who-microsoft-365", 0.2), (NOTHING, 0.15), ("a/cost", 0.05)]
    groups = Found(likely).by_variant()
    assert [names for names, _ in groups] == [
        ("a/who-azure", "a/who-microsoft-365"),
        ("a/",),
        (NOTHING,),
        ("a/cost",),
    ]
    assert round(groups[0][1], 2) == 0.45


def test_what_is_hardly_likely_is_not_offered_beside_an_answer() -> None:
    likely = [("a/who", 0.6), ("a/", 0.2), ("b/cost", 0.1), ("c/cost", 0.01)]
    assert Found(likely).likeliest.others == {"passages": "b/cost"}


def test_only_an_issue_without_steps_and_without_a_substitute_for_private_customers_is_for_companies_alone() -> None:
    assert only_for_companies("reservations")
    assert not only_for_companies("card_declined")
    assert not only_for_companies("pay_invoice")
    assert not only_for_companies("out_of_scope")
