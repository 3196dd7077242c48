"""Review: what becomes a candidate, which candidates become training phrases, and who decided so."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from bot.articles.examples import read_examples
from bot.phrases.anonymous import anonymous
from bot.phrases.model import Candidate, ReviewError, is_in_test_share
from bot.phrases.review import Review
from bot.tickets.store import TicketStore
from tests.phrases.conftest import review_of
from tests.tickets.conftest import a_draft


def reviewed(folder: Path, language: str = "nb") -> list[tuple[str, str]]:
    """Returns intent and text of the reviewed phrases of a language."""
    path = folder / language / "reviewed.yml"
    return [(each.intent, each.text) for each in read_examples(path)] if path.exists() else []


def only(review: Review) -> Candidate:
    """Returns the only candidate."""
    (candidate,) = review.candidates()
    return candidate


def test_corrections_choices_and_fallbacks_are_grouped_and_said_once(store: TicketStore, folder: Path) -> None:
    number = store.open(a_draft()).number
    store.correct(number, intent="past_due_balance")
    store.record_choice("Kortet mitt ble avvist!", "nb", ["card_declined", "past_due_balance"], "past_due_balance")
    store.record_choice("no money left", "en", ["pay_invoice", "refund_request"], None)
    store.record_fallback("xyzzy", "nb", ["greet"])
    store.record_fallback("hei på deg", "nb")  # a training phrase already
    store.record_fallback("?!", "nb")
    waiting = review_of(store, folder).waiting()
    assert [(item.language, item.intent, item.text, item.kinds, len(item.ids)) for item in waiting] == [
        ("nb", "past_due_balance", "kortet mitt ble avvist", ("correction", "choice"), 2),
        ("en", None, "no money left", ("choice",), 1),
        ("nb", None, "xyzzy", ("fallback",), 1),
    ]


def test_a_candidate_proposes_what_was_said_then_what_the_model_found_likeliest(
    store: TicketStore, folder: Path
) -> None:
    ranking = [("card_declined", 0.41), ("pay_invoice", 0.38)]
    store.record_choice("betale", "nb", ["card_declined", "refund_request"], "refund_request", ranking)
    candidate = only(review_of(store, folder))
    assert candidate.proposed == (("refund_request", None), ("card_declined", 0.41), ("pay_invoice", 0.38))
    assert candidate.margin == pytest.approx(0.03)


def test_accepted_candidates_are_appended_as_training_phrases(store: TicketStore, folder: Path) -> None:
    store.record_choice("kortet funker ikke lenger", "nb", ["card_declined", "pay_invoice"], "card_declined")
    store.record_choice("hvor er fakturaen", "nb", ["download_invoice", "pay_invoice"], "download_invoice")
    store.record_choice("betalt to ganger", "nb", ["refund_request"], "refund_request")
    review = review_of(store, folder)
    first, second, third = review.waiting()
    review.accept([first.ids[0]])
    review.accept([second.ids[0]])
    assert reviewed(folder) == [
        ("card_declined", "kortet funker ikke lenger"),
        ("download_invoice", "hvor er fakturaen"),
    ]
    assert [item.text for item in review.waiting()] == [third.text]


def test_rejected_candidates_are_not_shown_again_even_if_said_again(store: TicketStore, folder: Path) -> None:
    store.record_fallback("tull", "nb")
    review = review_of(store, folder)
    review.reject(only(review).ids)
    store.record_fallback("Tull!", "nb")
    assert review.waiting() == []
    assert reviewed(folder) == []


def test_a_candidate_that_nobody_has_named_needs_an_intent_that_exists(store: TicketStore, folder: Path) -> None:
    store.record_fallback("pengene er borte", "nb")
    review = review_of(store, folder)
    ids = only(review).ids
    with pytest.raises(ReviewError, match="--intent"):
        review.accept(ids)
    with pytest.raises(ReviewError, match="no intent"):
        review.accept(ids, intent="lost_money")
    with pytest.raises(ReviewError, match="no candidate 99"):
        review.accept([99])
    (taken,) = review.accept(ids, intent="refund_request")
    assert (taken.state, taken.intent, taken.path) == ("accepted", "refund_request", folder / "nb" / "reviewed.yml")


def test_undo_takes_the_last_decision_of_the_same_reviewer_back_and_then_the_one_before(
    store: TicketStore, folder: Path
) -> None:
    for text in ("kort avvist", "penger tilbake", "tull"):
        store.record_fallback(text, "nb")
    review = review_of(store, folder)
    first, second, third = review.waiting()
    review.accept([*first.ids, *second.ids], "card_declined", by="Kari")
    review.reject(third.ids, by="Kari")
    review.reject(third.ids, by="Kari")  # the form was sent twice
    review.undo("Kari")
    assert [item.text for item in review.waiting()] == ["tull"]
    review.undo("Kari")
    assert len(review.waiting()) == 3
    assert not (folder / "nb" / "reviewed.yml").exists()
    with pytest.raises(ReviewError, match="Kari has decided nothing"):
        review.undo("Kari")


def test_nobody_undoes_the_decision_of_somebody_else(store: TicketStore, folder: Path) -> None:
    store.record_fallback("tull", "nb")
    review = review_of(store, folder)
    review.reject(only(review).ids, by="Kari")
    with pytest.raises(ReviewError):
        review.undo("Ola")
    assert review.waiting() == []


def test_reviewers_who_differ_are_both_kept_and_the_phrase_is_in_no_file_until_one_of_them_decides(
    store: TicketStore, folder: Path
) -> None:
    store.record_fallback("pengene er borte", "nb")
    review = review_of(store, folder)
    ids = only(review).ids
    review.accept(ids, "refund_request", by="Kari", decides_all=False)
    review.accept(ids, "card_declined", by="Ola", decides_all=False)
    disputed = only(review)
    assert disputed.state == "disputed"
    assert [(each.agent, each.intent) for each in disputed.decisions] == [
        ("Kari", "refund_request"),
        ("Ola", "card_declined"),
    ]
    assert reviewed(folder) == []
    review.reject(ids, by="Per", decides_all=False)  # neither of the two, no administrator
    assert only(review).state == "disputed"
    review.accept(ids, "refund_request", by="Ola", decides_all=False)
    assert only(review).state == "accepted"
    assert reviewed(folder) == [("refund_request", "pengene er borte")]
    assert len(only(review).decisions) == 4


def test_an_administrator_settles_a_disagreement_and_undoing_that_brings_it_back(
    store: TicketStore, folder: Path
) -> None:
    store.record_fallback("pengene er borte", "nb")
    review = review_of(store, folder)
    ids = only(review).ids
    review.accept(ids, "refund_request", by="Kari", decides_all=False)
    review.reject(ids, by="Ola", decides_all=False)
    review.accept(ids, "card_declined", by="Ada")
    assert reviewed(folder) == [("card_declined", "pengene er borte")]
    review.undo("Ada")
    assert only(review).state == "disputed"
    assert reviewed(folder) == []


def test_who_decides_otherwise_later_changes_their_own_decision_without_a_disagreement(
    store: TicketStore, folder: Path
) -> None:
    store.record_fallback("pengene er borte", "nb")
    review = review_of(store, folder)
    ids = only(review).ids
    review.accept(ids, "refund_request", by="Kari", decides_all=False)
    review.accept(ids, "card_declined", by="Kari", decides_all=False)
    assert reviewed(folder) == [("card_declined", "pengene er borte")]


def test_the_test_share_goes_to_its_own_private_file_and_never_into_training(store: TicketStore, folder: Path) -> None:
    texts = [f"betaling nummer {word}" for word in ("en", "to", "tre", "fire", "fem", "seks", "syv", "åtte")]
    for text in texts:
        store.record_fallback(text, "nb")
    review = review_of(store, folder, share=0.5)
    review.accept([each.ids[0] for each in review.waiting()], "pay_invoice")
    path = review.folder / "test" / "nb.tsv"
    measured = path.read_text(encoding="utf8").splitlines()
    learned = [text for _, text in reviewed(folder)]
    assert measured == [f"pay_invoice\t{text}" for text in texts if is_in_test_share(text, 0.5)]
    assert learned == [text for text in texts if not is_in_test_share(text, 0.5)]
    assert measured
    assert learned
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    review.undo()
    assert not path.exists()
    assert reviewed(folder) == []


def test_a_message_of_the_test_share_is_not_offered_for_training_when_the_share_gets_smaller(
    store: TicketStore, folder: Path
) -> None:
    store.record_fallback("pengene er borte", "nb")
    review_of(store, folder, share=1).accept(only(review_of(store, folder)).ids, "refund_request")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM candidates")
    store.record_fallback("Pengene er borte!", "nb")
    assert review_of(store, folder, share=0).waiting() == []


def test_the_test_share_is_the_same_for_every_spelling_and_about_as_large_as_it_is_said_to_be() -> None:
    assert is_in_test_share("My card!", 0.5) == is_in_test_share("my CARD", 0.5)
    texts = [f"message {number}" for number in range(2000)]
    assert not any(is_in_test_share(text, 0) for text in texts)
    assert all(is_in_test_share(text, 1) for text in texts)
    assert 0.17 < sum(is_in_test_share(text, 0.2) for text in texts) / len(texts) < 0.23


def test_reviewers_who_accept_at_the_same_moment_lose_nothing(store: TicketStore, folder: Path) -> None:
    for number in range(8):
        store.record_fallback(f"kort {'x' * (number + 1)}", "nb")
    review = review_of(store, folder)
    ids = [each.ids[0] for each in review.waiting()]
    threads = [
        threading.Thread(target=review.accept, args=([identity], "card_declined"), kwargs={"by": f"agent {identity}"})
        for identity in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reviewed(folder)) == 8
    assert review.waiting() == []


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_decided(store: TicketStore, folder: Path) -> None:
    store.record_fallback("tull", "nb")
    review = review_of(store, folder)
    (folder / "nb" / "reviewed.yml.part").mkdir()
    with pytest.raises(ReviewError, match=r"reviewed\.yml\.part cannot be written .*nothing was decided"):
        review.accept(only(review).ids, "greet")
    assert len(review.waiting()) == 1
    assert store.decisions() == []


def test_messages_from_elsewhere_become_candidates_without_what_concerns_their_writers(
    store: TicketStore, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "messages.tsv"
    lines = ["language\ttext\tintent", "nb\tskriv til kari@firma.no\tpay_invoice", "en\tmy card", "en\tMy card!", ""]
    file.write_text("\n".join(lines), encoding="utf8")
    review = review_of(store, folder)
    assert review.import_file(file, lambda texts: [[("card_declined", 0.4), ("pay_invoice", 0.3)] for _ in texts]) == (
        2,
        1,
    )
    assert review.import_file(file) == (0, 3)
    first, second = review.waiting()
    assert (first.text, first.shown, first.kinds) == ("skriv til name@example.com", ("pay_invoice",), ("imported",))
    assert second.margin == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nb", ":2: expected language, text"),
        ("nb\ttext\tgreet\tmore", ":2: expected language, text"),
        ("xx\ttext", ":2: 'xx' is no language"),
        ("nb\ttext\tlost_money", ":2: 'lost_money' is no intent"),
    ],
)
def test_a_file_with_a_line_that_does_not_fit_is_refused_as_a_whole(
    store: TicketStore, folder: Path, tmp_path: Path, line: str, told: str
) -> None:
    file = tmp_path / "messages.tsv"
    file.write_text(f"nb\tgod dag\n{line}\n", encoding="utf8")
    with pytest.raises(ReviewError, match=told):
        review_of(store, folder).import_file(file)
    assert store.candidates() == []


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("kortet 4111 1111 1111 1111 feiler", "kortet ••••1111 feiler"),
        ("skriv til ola.nordmann@firma.no takk", "skriv til name@example.com takk"),
        ("til a@b.co1x@firma.no, b@firma.no.", "til name@example.com, name@example.com."),
        ("skriv til ola krøllalfa firma punktum no takk", "skriv til name@example.com takk"),
        ("ring meg på +47 912 34 567", "ring meg på +00 000 00 000"),
        ("faktura E0500ABC123456", "faktura E0500ABC000000"),
        ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id 00000000-0000-0000-0000-000000000000"),
        ("se https://firma.no/min/side?x=1", "se https://example.com"),
        ("[kort](card) er {dødt}\n- intent: greet", "(kort)(card) er (dødt) - intent: greet"),
        ("error 53003 twice", "error 53003 twice"),
        ("\x1b[31mrødt", "(31mrødt"),
        ("4111\ufffe1111\\1111\ue0001111 feiler", "••••1111 feiler"),
    ],
)
def test_candidates_hold_nothing_that_only_concerns_the_customer(written: str, kept: str) -> None:
    assert anonymous(written) == kept
