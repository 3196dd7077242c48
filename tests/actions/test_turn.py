"""What a turn knows of the conversation before it."""

from __future__ import annotations

from tests.actions.test_draft import answered, conversation, said


def test_an_answer_was_shown_as_text_or_as_structure_alone() -> None:
    structure = {"event": "bot", "text": None, "data": {"custom": {"type": "answer", "intent": "pay_invoice"}}}
    text = answered("Your card was declined\n\nTry another card.")
    turn = conversation(structure, text, said("and now?", "remark"))
    assert turn.has_shown("pay_invoice")
    assert turn.has_shown("card_declined")
    assert not turn.has_shown("refund_request")
