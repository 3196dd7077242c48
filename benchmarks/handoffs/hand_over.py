"""Hands over N conversations at once, each twice, and prints the numbers; killed and run again it loses none.

python -m benchmarks.handoffs.hand_over N
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from bot.tickets import ticket_store
from bot.tickets.model import TicketDraft, Utterance

SUMMARIES = {
    "nb": "Kortet mitt ble avvist, og nå er abonnementet deaktivert",
    "en": "My card was declined and now the subscription is disabled",
    "de": "Die Zahlung wurde abgelehnt, obwohl genug Geld auf dem Konto ist",
    "fi": "Maksu ei mennyt läpi, vaikka tilillä on rahaa",
}


def draft(number: int) -> TicketDraft:
    """Returns what conversation `number` hands over."""
    language = list(SUMMARIES)[number % len(SUMMARIES)]
    return TicketDraft(
        conversation_id=f"conversation-{number}",
        form_id="1",
        summary=SUMMARIES[language],
        consent=True,
        intent="card_declined",
        confidence=0.9,
        language=language,
        contact_email=f"customer{number}@example.com",
        transcript=[Utterance("customer", SUMMARIES[language])],
    )


def main(arguments: list[str]) -> int:
    """Opens every ticket twice at the same time; returns the exit code."""
    numbers = [number for number in range(int(arguments[0])) for _ in range(2)]
    with ThreadPoolExecutor(max_workers=len(numbers)) as pool:
        for ticket in pool.map(lambda number: ticket_store().open(draft(number)), numbers):
            print(ticket.number, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
