"""The quality page and its export."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta

from bot.desk.quality import confusions
from bot.tickets.model import ConversationOutcome, Outcome, now
from tests.desk.conftest import RunningDesk
from tests.tickets.conftest import a_draft


def outcome(number: int, result: Outcome, weeks: int = 0, **changes: str) -> ConversationOutcome:
    values = {"intent": "card_declined", "language": "nb", **changes}
    at = now() - timedelta(weeks=weeks)
    return ConversationOutcome(f"c{number}", result, values["intent"], values["language"], "azure", 0.9, at)


def cells(page: str, heading: str) -> list[list[str]]:
    """Returns the rows of the table under a heading."""
    table = page[page.index(f">{heading}</h2>") :].split("</table>", maxsplit=1)[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def test_outcomes_are_counted_by_week_issue_and_language(running: RunningDesk) -> None:
    running.desk.tickets.record_outcomes(
        [
            outcome(1, "solved"),
            outcome(2, "solved", weeks=1),
            outcome(3, "handed_over"),
            outcome(4, "abandoned"),
            outcome(5, "not_solved", intent="pay_invoice", language="de"),
            outcome(6, "solved", weeks=30),  # too long ago
        ]
    )
    page = running.agent("Kari", "reviewer").get("/quality").text
    assert cells(page, "By issue")[1:] == [
        ["Card declined", "2", "0", "1", "1", "4", "67 %"],
        ["Pay an invoice", "0", "1", "0", "0", "1", "0 %"],
    ]
    assert [row[0] for row in cells(page, "By language")[1:]] == ["nb", "de"]
    weeks = cells(page, "Volumes by week")[1:]
    assert len(weeks) == 12
    assert [row[5] for row in weeks[:3]] == ["4", "1", "0"]
    assert page.count("<rect") == 5


def test_corrections_make_a_confusion_matrix(running: RunningDesk) -> None:
    store = running.desk.tickets
    for number, right in enumerate(("download_invoice", "download_invoice", "pay_invoice")):
        store.correct(store.open(a_draft(form_id=str(number))).number, intent=right)
    store.correct(store.open(a_draft(form_id="4")).number, language="da")  # the issue was right
    assert confusions(store) == [("card_declined", "download_invoice", 2), ("card_declined", "pay_invoice", 1)]
    page = running.agent("Kari", "reviewer").get("/quality").text
    assert cells(page, "Corrections: what the bot took it for, and what it was")[1] == [
        "Card declined",
        "Download an invoice",
        "2",
    ]


def test_a_desk_of_which_nothing_is_known_yet_shows_empty_tables(running: RunningDesk) -> None:
    page = running.agent("Kari", "reviewer").get("/quality").text
    assert "Nothing has been recorded yet." in page
    assert "Nobody has corrected anything yet." in page


def test_the_export_has_no_formulas_and_nobodys_data(running: RunningDesk) -> None:
    running.desk.tickets.record_outcomes(
        [outcome(1, "solved"), outcome(2, "solved"), outcome(3, "solved", intent='=HYPERLINK("http://evil")')]
    )
    reviewer = running.agent("Kari", "reviewer")
    answer = reviewer.get("/quality.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["week", "issue", "language", "outcome", "conversations"]
    assert [row[1:] for row in rows] == [
        ['\'=HYPERLINK("http://evil")', "nb", "solved", "1"],
        ["card_declined", "nb", "solved", "2"],
    ]
    assert ("Kari", "export quality", "") in running.audit()
    assert running.agent("Ola").get("/quality.csv").status_code == 403
