"""Front matter, encodings and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.model import ArticleError
from bot.articles.readers import read_article, read_text


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        (" \n\n", 1, "empty"),
        ("---\ntitle: a\n\n# T\n", 1, "not closed"),
        ("---\nname: x\ntitle: a: b\n---\n# T\n", 3, "mapping values are not allowed"),
        ("---\n\n\nname: x\ntitle: [a\n---\n# T\n", 6, "broken front matter"),
        ("---\njust words\n---\n# T\n", 1, "'name: value' lines expected"),
        ("---\na: \x01\n---\n# T\n", 2, "broken front matter"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text: str, line: int, message: str) -> None:
    with pytest.raises(ArticleError, match=message) as caught:
        read_text(text, path="a/en.md")
    assert (caught.value.path, caught.value.line) == ("a/en.md", line)
    assert str(caught.value).startswith(f"a/en.md:{line}: ")


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "nb.md"
    path.write_bytes("# Tittel\n\nbetal nå\n".encode("latin-1"))
    with pytest.raises(ArticleError, match="not UTF-8") as caught:
        read_article(path)
    assert caught.value.line == 3


def test_broken_front_matter_can_be_salvaged_line_by_line() -> None:
    text = "---\ntitle: Error: no payment\nms.custom:\n- \"1\"\n- '2'\nms.contentlocale: nb-NO\n---\n# T\n\nx\n"
    article = read_text(text, path="a.md", salvage=True)
    assert (article.title, article.metadata["ms.custom"], article.language) == ("Error: no payment", ["1", "2"], "nb")
    assert [problem.line for problem in article.problems] == [2]
    assert "broken front matter" in article.problems[0].message


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "en.md"
    path.write_bytes("\ufeff---\r\ntitle: T\r\n---\r\n# T\r\n\r\n1. a\r\n2. b\r\nDone.\r\n".encode())
    article = read_article(path)
    assert article.title == "T"
    assert [step.text for step in article.steps] == ["a", "b"]
    assert [note.text for note in article.sections[0].notes] == ["Done."]


def test_values_stay_as_they_are_written() -> None:
    article = read_text("---\ntitle: 007\nlanguage: no\nms.date: 2020-01-02\nms.custom: 9004164\n---\nx\n")
    assert article.metadata["ms.date"] == "2020-01-02"
    assert (article.title, article.language, article.metadata["ms.custom"]) == ("007", "nb", "9004164")


def test_lines_of_problems_count_from_the_top_of_the_file() -> None:
    article = read_text("---\nlanguage: en\n---\n\n\n# T\n\nfine\nand [](https://a.org)\n")
    assert [problem.line for problem in article.problems] == [9]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text", "no title"),
        ("# T", "no text"),
        ("#\n\nx", "a heading has no text"),
        ("# T\n\n[]( https://a.org )", "no label"),
        ("# T\n\n[a]()", "empty address"),
        ("# T\n\n[a] (https://a.org)", "not well-formed Markdown"),
        ("# T\n\n[a](https://a.org/b c)", "not well-formed Markdown"),
        ("# T\n\n[a](javascript:b)", "neither a web nor a mail address"),
    ],
)
def test_defects_that_do_not_stop_the_reading_are_problems(text: str, message: str) -> None:
    article = read_text(text, path="en.md")
    assert any(message in problem.message for problem in article.problems)
