"""Documents that the search finds are foreign text; a database that is missing or broken costs no answer."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from bot.articles.replies import Replies
from bot.search.database import Library
from bot.search.importing import import_articles
from tests.actions.conftest import ActionServer, action_server, slots_of

REPLIES = Replies()
HOSTILE = """---
title: "Reset <img src=x onerror=alert(1)> the \x1b[31mmailbox\u202e password {name}"
---
# Reset the mailbox password

Read [this](javascript:alert(1)) first: choose \u202eReset\u202c in the mailbox password window.

1. Choose **Reset** in the mailbox.

[More](https://learn.microsoft.com/outlook/{name})
"""
MESSAGE = {
    "text": "how do I reset my mailbox password",
    "about_products": {"likely": True, "confidence": 0.9},
    "intent": {"name": "out_of_scope", "confidence": 0.9},
}


NOTHING = REPLIES.dialogue("no_passage", "en", topic=REPLIES.topic("card_declined", "en"))
"""Said of what is not understood after an answer."""


def asked(articles: Path, tmp_path: Path, **message: object) -> dict:  # type: ignore[type-arg]
    with action_server(tmp_path, f"sqlite:///{tmp_path / 'tickets.db'}", articles) as server:
        said = {**MESSAGE, **message}
        return server.run("action_not_understood", "out_of_scope", message=said, language="en", issue="card_declined")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A database whose articles try to be more than text; two of them lead to the same document."""
    for name, address in (("one", "one"), ("two", "one"), ("elsewhere", "elsewhere")):
        content = HOSTILE.replace("{name}", address)
        if name == "elsewhere":
            content = content.replace("learn.microsoft.com", "evil.example.com")
        file = tmp_path / "trees" / "en-US" / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf8")
    import_articles(Library(tmp_path / "articles.db"), [tmp_path / "trees"], processes=1)
    return tmp_path / "articles.db"


def test_titles_and_sentences_are_text_and_links_lead_to_known_hosts_only(hostile: Path, tmp_path: Path) -> None:
    result = asked(hostile, tmp_path)
    payload = result["responses"][0]["custom"]
    assert [link["url"] for link in payload["links"]] == ["https://learn.microsoft.com/outlook/one"]
    shown = [result["responses"][0]["text"], *(str(value) for value in payload["links"][0].values())]
    assert not [char for text in shown for char in text if unicodedata.category(char)[0] == "C" and char != "\n"]
    assert "javascript:" not in str(result)
    assert "<img" not in str(result)


def test_the_issue_before_is_left_for_the_matter_that_was_searched_for(hostile: Path, tmp_path: Path) -> None:
    slots = slots_of(asked(hostile, tmp_path))
    assert slots["issue"] is None
    assert slots["documents"]["text"] == MESSAGE["text"]


def test_what_is_not_about_the_products_is_not_searched_for(hostile: Path, tmp_path: Path) -> None:
    result = asked(hostile, tmp_path, about_products={"likely": False, "confidence": 0.1})
    assert result["responses"][0]["text"] == NOTHING


@pytest.mark.parametrize("content", [b"", b"this is no database", b"SQLite format 3\0 and then nothing"])
def test_a_database_that_cannot_be_used_costs_no_answer(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.db").write_bytes(content)
    result = asked(tmp_path / "broken.db", tmp_path)
    assert result["responses"][0]["text"] == NOTHING


def test_a_verdict_is_about_the_documents_only_just_after_they_were_shown(actions: ActionServer) -> None:
    offered = {"search": "s", "text": "mailbox", "turn": 0}
    helped = actions.run("action_feedback", "affirm", language="en", documents=offered)
    assert helped["responses"][0]["text"] == REPLIES.text("utter_solved", "en")
    none = actions.run("action_feedback", "deny", language="en", documents=offered)
    assert none["events"][-1]["name"] == "action_start_ticket"
    later = actions.run("action_feedback", "affirm", language="en", documents={**offered, "turn": -3})
    assert later["responses"][0]["text"] == REPLIES.text("utter_affirm_idle", "en")
