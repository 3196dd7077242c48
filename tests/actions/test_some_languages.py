"""An issue on trial in some languages, and a language that has only some issues: checked, and answered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from bot.cli import main
from tests.actions.conftest import ActionServer, action_server, slots_of
from tests.conftest import ROOT
from tests.support.issues import issues_in

ROW = """  shared_mailbox:
    queue: access
    priority: normal
    products: [microsoft365]
    passages: [who]
    languages: [en, nb]
"""
STEPS = {
    "en": ("Set up a shared mailbox", "Several people can read and answer from it.", "Open the admin center", "Add it"),
    "nb": ("Sett opp en delt postboks", "Flere kan lese og svare fra den.", "Åpne administrasjonssenteret", "Legg til"),
}
ARTICLE = """---
title: {0}
description: {0}.
language: {language}
intent: shared_mailbox
---
# <a name="shared-mailbox"></a>{0}

{1}

## <a name="recommended-steps"></a>{2}

{2}.

1. {2}.
1. {3}.

## <a name="who"></a>{0}?

{1}

## <a name="recommended-documents"></a>{0}

- [{0}](https://learn.microsoft.com/microsoft-365/admin/email/create-a-shared-mailbox)
- [{1}](https://support.microsoft.com/shared-mailbox)
"""
WELSH = """name: Cymraeg
partial: true
replies:
  utter_article_fallback: "Nid oes erthygl yn Gymraeg eto; dyma hi yn {language_name}."
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the data with an issue in English and Norwegian, and Welsh with one article."""
    data = tmp_path_factory.mktemp("some") / "data"
    shutil.copytree(ROOT / "data", data, ignore=shutil.ignore_patterns("nlu"))
    with (data / "issues.yml").open("a", encoding="utf8") as table:
        table.write(ROW)
    (data / "articles" / "shared_mailbox").mkdir()
    for language, texts in STEPS.items():
        path = data / "articles" / "shared_mailbox" / f"{language}.md"
        path.write_text(ARTICLE.format(*texts, language=language), encoding="utf8")
    (data / "replies" / "cy.yml").write_text(WELSH, encoding="utf8")
    english = data / "articles" / "spending_limit" / "en.md"
    text = english.read_text(encoding="utf8").replace("language: en", "language: cy")
    first, *sections = text.split("\n## ")
    kept = [section for section in sections if 'name="recommended-' in section or 'name="how-long"' in section]
    english.with_name("cy.md").write_text("\n## ".join([first, *kept]), encoding="utf8")
    return data


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[ActionServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOT_DATA_DIR", str(data))
        with action_server(data.parent, f"sqlite:///{data.parent / 'tickets.db'}") as server:
            yield server


def test_what_a_language_must_not_have_is_not_missed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["articles", "check", str(data / "articles")]) == 0, capsys.readouterr().out
    table = data / "issues.yml"
    assert load_issues(table)["shared_mailbox"].languages == ("en", "nb")
    assert "shared_mailbox" in issues_in("nb", table)
    assert "shared_mailbox" not in issues_in("sv", table)
    replies = Replies(data / "replies")
    assert "cy" in {*replies.languages()} - {*replies.complete()}


def test_a_language_that_the_row_names_is_missed_and_so_is_english(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "data"
    shutil.copytree(data, copied)
    (copied / "articles" / "shared_mailbox" / "en.md").unlink()
    table = copied / "issues.yml"
    row = ROW.replace("[en, nb]", "[nb, fi]")
    table.write_text(table.read_text(encoding="utf8").replace(ROW, row), encoding="utf8")
    assert main(["articles", "check", str(copied / "articles")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("/shared_mailbox/")[2] for line in lines[:-1]] == [
        "en.md:1: missing language; write the article",
        "fi.md:1: missing language; write the article",
    ]


def test_an_article_of_a_partial_language_may_lack_passages_but_no_step(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "data"
    shutil.copytree(data, copied)
    path = copied / "articles" / "spending_limit" / "cy.md"
    text = path.read_text(encoding="utf8")
    assert '<a name="how-long"></a>' in text
    assert '<a name="who"></a>' not in text
    path.write_text(re.sub(r"^1\. .+\n", "", text, count=4, flags=re.MULTILINE), encoding="utf8")
    assert main(["articles", "check", str(copied / "articles")]) == 1
    assert "spending_limit/cy.md:11: 1 steps in 'recommended-steps'; write 2 to 5" in capsys.readouterr().out


@pytest.mark.parametrize(("language", "notice"), [("nb", ""), ("sv", "Det finns ingen artikel på svenska ännu")])
def test_a_customer_of_another_language_gets_the_english_article_and_is_told_so(
    server: ActionServer, language: str, notice: str
) -> None:
    result = server.run("action_recommended_steps", "shared_mailbox", "cmdline", language=language)
    answer = result["responses"][1 if notice else 0]["text"]
    assert result["responses"][0]["text"].startswith(notice)
    assert answer.startswith(STEPS["en" if notice else "nb"][0])
    assert len(result["responses"]) == (3 if notice else 2)
    assert slots_of(result)["issue"] == "shared_mailbox"


def test_who_is_asked_for_the_product_is_told_of_an_article_in_another_language_once(server: ActionServer) -> None:
    first = server.run("action_recommended_steps", "pay_invoice", language="cy")
    notice = first["responses"][0]["text"]
    assert notice == "Nid oes erthygl yn Gymraeg eto; dyma hi yn Saesneg."
    assert Replies().label("azure", "cy") in first["responses"][1]["text"]
    slots: dict[str, Any] = {"language": "cy", "issue": "pay_invoice", "product": "azure", "product_asked": True}
    then = server.run("action_recommended_steps", "choose_product", said=[notice], **slots)
    assert notice not in [response["text"] for response in then["responses"]]


def test_a_passage_in_another_language_is_announced_too(server: ActionServer) -> None:
    message = {"text": "vem kan göra det?", "entities": [{"entity": "section", "value": "who"}]}
    result = server.run("action_recommended_steps", "shared_mailbox", message=message, language="sv")
    assert [response["text"] for response in result["responses"]] == [
        "Det finns ingen artikel på svenska ännu, så här kommer den på engelska."
    ]
    assert result["events"][-1]["name"] == "action_follow_up"


def test_who_is_sent_elsewhere_is_not_told_of_an_article(server: ActionServer) -> None:
    slots: dict[str, Any] = {"language": "sv", "product": "microsoft_account"}
    result = server.run("action_recommended_steps", "shared_mailbox", "cmdline", **slots)
    assert "account.microsoft.com" in result["responses"][0]["text"]


def test_a_partial_language_is_answered_from_the_articles_that_it_has(server: ActionServer) -> None:
    result = server.run("action_recommended_steps", "spending_limit", language="cy", product="azure")
    assert result["responses"][0]["custom"]["article_id"] == "spending_limit/cy"
