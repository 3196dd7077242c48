"""The quality page and its export."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from bot.desk.quality import FIGURES, confusions
from bot.regression.history import History
from bot.regression.report import SUMMARY
from bot.stores.regression_runs import PastRun
from bot.tickets.model import ConversationOutcome, Outcome, now
from bot.tickets.tables import CANDIDATES
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
            outcome(7, "with_agent"),
        ]
    )
    page = running.agent("Kari", "reviewer").get("/quality").text
    assert cells(page, "By issue")[1:] == [
        ["Card declined", "2", "0", "1", "1", "1", "5", "100 %"],  # of the two that said it
        ["Pay an invoice", "0", "1", "0", "0", "0", "1", "0 %"],
    ]
    assert [row[0] for row in cells(page, "By language")[1:]] == ["nb", "de"]
    weeks = cells(page, "Volumes by week")[1:]
    assert len(weeks) == 12
    assert [row[6] for row in weeks[:3]] == ["5", "1", "0"]
    assert page.count("<rect") == 6


def test_a_conversation_that_an_agent_took_over_is_not_left_without_a_word(running: RunningDesk) -> None:
    tickets, live = running.desk.tickets, running.desk.live
    earlier = outcome(1, "abandoned")
    tickets.record_outcomes([earlier, outcome(1, "solved", intent="pay_invoice"), outcome(2, "abandoned")])
    for number in (1, 2):
        live.want(f"c{number}", "nb", "card_declined")
    live.take("c1", "Kari")
    tickets.record_outcomes([earlier])  # written late
    kari = running.agent("Kari", "reviewer")
    assert cells(kari.get("/quality").text, "By issue")[1:] == [
        ["Card declined", "0", "0", "0", "1", "1", "2", "–"],
        ["Pay an invoice", "1", "0", "0", "0", "0", "1", "100 %"],
    ]
    rows = list(csv.DictReader(io.StringIO(kari.get("/quality.csv").text)))
    assert sorted(row["outcome"] for row in rows) == ["abandoned", "solved", "with_agent"]
    tickets.record_outcomes([outcome(1, "solved")])  # after the agent, the customer says so
    assert {row["outcome"] for row in tickets.outcomes() if row["conversation_id"] == "c1"} == {"solved"}


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
    with store.engine.begin() as connection:  # as if it were a quarter of a year later
        connection.execute(update(CANDIDATES).values(at=now() - timedelta(weeks=13)))
    assert confusions(store) == []


def test_a_desk_of_which_nothing_is_known_yet_shows_empty_tables(running: RunningDesk) -> None:
    page = running.agent("Kari", "reviewer").get("/quality").text
    assert "Nothing has been recorded yet." in page
    assert "Nobody has corrected anything yet." in page


def test_articles_that_do_not_help_are_named_where_enough_is_known(running: RunningDesk) -> None:
    def ends(start: int, results: list[Outcome], **changes: str) -> list[ConversationOutcome]:
        return [outcome(start + place, result, **changes) for place, result in enumerate(results)]

    most: list[Outcome] = ["solved"] * 6 + ["not_solved"] * 3 + ["handed_over"] * 3 + ["abandoned"] * 4
    running.desk.tickets.record_outcomes(
        [
            *ends(0, most),
            *ends(100, ["not_solved"] * 8 + ["solved"] * 2, language="de"),
            *ends(200, ["not_solved"] * 9 + ["abandoned"] * 9, intent="pay_invoice"),  # of nine only the end is known
            *ends(300, ["solved"] * 12, intent="download_invoice"),
            *ends(400, ["handed_over"] * 12, intent=""),  # no issue, no article
        ]
    )
    reviewer = running.agent("Kari", "reviewer")
    assert cells(reviewer.get("/quality").text, "Articles that do not help")[1:] == [
        ["Card declined", "de", "10", "10", "8", "80 %"],
        ["Card declined", "nb", "16", "12", "6", "50 %"],
    ]
    header, *rows = csv.reader(io.StringIO(reviewer.get("/quality.csv?table=articles").text))
    assert header == ["issue", "language", "answers", "known", "not_helped", "share"]
    assert rows == [["card_declined", "de", "10", "10", "8", "0.8"], ["card_declined", "nb", "16", "12", "6", "0.5"]]


def past_run(night: int, verdict: str = "good", **figures: float) -> PastRun:
    return PastRun(f"2026-11-{night:02}T02:00:00+00:00", "0123456789abcdef", verdict, figures)


def test_the_trend_of_the_nightly_runs_is_shown_newest_first(running: RunningDesk, tmp_path: Path) -> None:
    history = History(f"sqlite:///{tmp_path / 'regression.db'}")
    for night in range(1, 21):
        history.add(past_run(night, **{"accuracy": 0.9 + night / 1000, "false refusals": 0.007, "F1 pay_invoice": 0.8}))
    history.add(past_run(21, "worse", accuracy=0.812))
    history.add(past_run(22, '=HYPERLINK("http://evil")', accuracy=0.9))
    reviewer = running.agent("Kari", "reviewer")
    rows = cells(reviewer.get("/quality").text, "Nightly runs")
    assert rows[0][:5] == ["Night", "Commit", "Verdict", "Accuracy", "Macro-F1"]
    assert len(rows) == 15
    assert rows[2] == ["2026-11-21", "0123456", "worse", "81.2 %", "–", "–", "–", "–", "–"]
    assert rows[3] == ["2026-11-20", "0123456", "good", "92.0 %", "–", "–", "0.7 %", "–", "–"]
    header, *exported = csv.reader(io.StringIO(reviewer.get("/quality.csv?table=nightly").text))
    assert header == ["started_at", "commit", "verdict", "figure", "value"]
    assert exported[-3:] == [
        ["2026-11-20T02:00:00+00:00", "0123456789abcdef", "good", "false refusals", "0.007"],
        ["2026-11-21T02:00:00+00:00", "0123456789abcdef", "worse", "accuracy", "0.812"],
        ["2026-11-22T02:00:00+00:00", "0123456789abcdef", '\'=HYPERLINK("http://evil")', "accuracy", "0.9"],
    ]


def test_without_nightly_runs_the_page_says_how_to_get_them_and_makes_no_database(
    running: RunningDesk, tmp_path: Path
) -> None:
    reviewer = running.agent("Kari", "reviewer")
    assert "make nightly" in reviewer.get("/quality").text
    assert not (tmp_path / "regression.db").exists()
    (tmp_path / "regression.db").touch()
    assert "make nightly" in reviewer.get("/quality").text


def test_nightly_runs_that_cannot_be_read_do_not_take_the_other_figures_away(
    running: RunningDesk, tmp_path: Path
) -> None:
    (tmp_path / "regression.db").write_text("no database at all, but long enough to be taken for one" * 100)
    running.desk.tickets.record_outcomes([outcome(1, "solved")])
    page = running.agent("Kari", "reviewer").get("/quality").text
    assert "The nightly runs cannot be read; look at BOT_REGRESSION_DATABASE" in page
    assert cells(page, "By issue")[1][0] == "Card declined"


def test_the_figures_of_the_trend_are_those_that_a_nightly_run_has() -> None:
    assert set(FIGURES) <= {figure for row in SUMMARY for figure in row}


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
    assert reviewer.get("/quality.csv?table=conversations").text == answer.text
    assert reviewer.get("/quality.csv?table=another").status_code == 404
    assert running.agent("Ola").get("/quality.csv").status_code == 403
