"""The plain dialect, read from a file of our own wording."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.model import Article, Note, Step
from bot.articles.readers import read_article, read_text

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module")
def article() -> Article:
    return read_article(FIXTURES / "plain.md")


def test_the_front_matter_gives_title_language_and_each_id_once(article: Article) -> None:
    assert (article.title, article.language, article.dialect) == ("Regningen i portalen", "nb", "plain")
    assert article.slug == "the-bill-in-the-portal"


def test_the_steps_keep_their_order_and_their_sub_steps(article: Article) -> None:
    assert [step.text for step in article.steps] == ["Åpne portalen.", "Finn Regninger:", "Trykk Vis."]
    assert [step.text for step in article.steps[1].steps] == ["de nye", "de gamle"]
    assert article.steps[0].markdown == "Åpne [portalen](https://portal.azure.com/)."


def test_an_unindented_line_after_the_last_step_is_a_status_note(article: Article) -> None:
    assert article.sections[0].notes == (Note("status", "Siden viser nå beløpet.", (), "Siden viser nå beløpet."),)


def test_a_bold_line_with_a_colon_and_blanks_is_a_heading(article: Article) -> None:
    assert [(section.title, section.level) for section in article.sections] == [
        ("Regningen i portalen", 1),
        ("Les mer", 2),
    ]


def test_lines_that_lead_with_a_typographic_bullet_are_bullets(article: Article) -> None:
    assert [bullet.text for bullet in article.sections[1].bullets] == ["Om regninger", "Om kort"]
    assert article.sections[1].paragraphs == ()


def test_links_are_cleaned_and_know_their_line(article: Article) -> None:
    assert [(link.url, link.line) for link in article.links] == [
        ("https://portal.azure.com/", 16),
        ("https://learn.microsoft.com/billing/bills?view=all#top", 25),
        ("https://learn.microsoft.com/billing/cards#numbers", 26),
    ]


def test_leftovers_in_an_address_are_reported_with_their_line(article: Article) -> None:
    assert [problem.line for problem in article.problems] == [26]
    assert "quotes, blanks or backslashes" in article.problems[0].message


def test_an_unindented_line_after_an_earlier_step_belongs_to_that_step() -> None:
    article = read_text("# T\n\n1. one\nstill one\n2. two\n", path="en.md")
    assert [step.text for step in article.steps] == ["one still one", "two"]
    assert article.sections[0].notes == ()


def test_an_indented_line_after_the_last_step_belongs_to_it() -> None:
    article = read_text("# T\n\n1. one\n2. two\n   still two\n", path="en.md")
    assert [step.text for step in article.steps] == ["one", "two still two"]


def test_a_status_line_may_follow_a_sub_step_and_hold_a_link() -> None:
    article = read_text("# T\n\n1. one\n   - a\n   - b\nDone, see [x](https://a.org).\n", path="en.md")
    assert [step.text for step in article.steps[0].steps] == ["a", "b"]
    assert article.sections[0].notes[0].markdown == "Done, see [x](https://a.org)."
    assert len(article.links) == 1


def test_typographic_bullets_below_a_step_are_its_sub_steps() -> None:
    article = read_text("# T\n\n1. one:\n• a\n• b\n", path="en.md")
    assert article.steps == (Step("one:", "one:", (Step("a", "a"), Step("b", "b"))),)


@pytest.mark.parametrize("line", ["· x y", "•x y", "– x y", "*x y", "-x y", "\\* x y"])
def test_every_bullet_that_markdown_does_not_know_is_one(line: str) -> None:
    article = read_text(f"# T\n\nbefore\n{line}\n", path="en.md")
    assert article.sections[0].paragraphs == ("before",)
    assert [bullet.text for bullet in article.sections[0].bullets] == ["x y"]


@pytest.mark.parametrize("line", ["*x* y", "**x** y", "-25 y", "x • y"])
def test_emphasis_and_numbers_are_no_bullets(line: str) -> None:
    assert read_text(f"# T\n\n{line}\n", path="en.md").sections[0].bullets == ()


@pytest.mark.parametrize("line", ["**Note** that", "[**Bold**](https://a.org)", "**a**\\\n**b**", "*thin*"])
def test_a_line_that_is_not_all_bold_or_is_a_link_is_no_heading(line: str) -> None:
    assert len(read_text(f"# T\n\n{line}\n", path="en.md").sections) == 1


def test_a_bold_heading_stands_one_level_below_the_heading_above_it() -> None:
    article = read_text("# T\n\n**a**\n\nx\n\n### U\n\n**b**\n\ny\n", path="en.md")
    assert [(section.title, section.level) for section in article.sections] == [("T", 1), ("a", 2), ("U", 3), ("b", 4)]


def test_the_first_section_takes_the_title_where_there_is_no_main_heading() -> None:
    article = read_text("---\ntitle: Named\nlanguage: en\n---\ntext\n\n## Part\n\nmore\n")
    assert [section.title for section in article.sections] == ["Named", "Part"]
    assert article.sections[0].paragraphs == ("text",)


def test_the_main_heading_is_the_title_where_the_front_matter_has_none() -> None:
    assert read_text("# Heading\n\ntext\n", path="en.md").title == "Heading"


def test_tables_become_text() -> None:
    article = read_text("# T\n\n| a | **b** |\n|---|---|\n| c | [d](https://d.org) |\n", path="en.md")
    assert article.sections[0].paragraphs == ("a – **b**", "c – [d](https://d.org)")
    assert [link.label for link in article.links] == ["d"]


def test_html_becomes_text_and_its_links_count() -> None:
    text = '# T\n\n<div><p>one<br>two</p><p><a href="https://a.org">three</a></p><!-- hidden --></div>\n\nx<br/>y\n'
    article = read_text(text, path="en.md")
    assert article.sections[0].paragraphs == ("one\ntwo", "[three](https://a.org)", "x\ny")
    assert [(link.label, link.url) for link in article.links] == [("three", "https://a.org")]


@pytest.mark.parametrize(
    "text",
    ["a <script>hidden</script> b", "<script>\nhidden\n\nhidden\n</script>\n\na b", "a <style>\nhidden\n</style> b"],
)
def test_scripts_and_styles_never_become_text(text: str) -> None:
    article = read_text(f"# T\n\n{text}\n", path="en.md")
    assert "hidden" not in repr(article)
    assert " ".join(" ".join(article.sections[0].paragraphs).split()) == "a b"
    assert article.problems == ()


def test_a_script_that_is_never_closed_is_reported() -> None:
    article = read_text("# T\n\na <script> hidden\n\nhidden\n", path="en.md")
    assert "hidden" not in repr(article.sections)
    assert "<script> is never closed" in article.problems[0].message


def test_placeholders_in_angle_brackets_stay_in_the_text() -> None:
    assert read_text("# T\n\nType <user name> here\n", path="en.md").sections[0].paragraphs == (
        "Type <user name> here",
    )


def test_bare_addresses_are_links_without_the_punctuation_of_their_sentence() -> None:
    article = read_text("# T\n\nSee https://a.org/b(c), or <https://d.org>.\n", path="en.md")
    assert [link.url for link in article.links] == ["https://a.org/b(c)", "https://d.org"]


def test_an_image_is_dropped_but_names_the_link_around_it() -> None:
    article = read_text("# T\n\n![alone](a.png) [![seen](b.png)](https://a.org)\n", path="en.md")
    assert article.sections[0].paragraphs == ()
    assert [link.label for link in article.links] == ["seen"]


def test_code_is_text() -> None:
    article = read_text("# T\n\nRun `a *b*`:\n\n```\nGet-It **x**\n```\n\n        deep\n", path="en.md")
    assert article.sections[0].paragraphs == ("Run a *b*:", "Get-It **x**", "deep")


def test_bold_is_written_so_that_it_can_be_read_again() -> None:
    article = read_text("# T\n\nGo to **Billing > [Products](https://a.org) > Now**.\n", path="en.md")
    assert article.sections[0].paragraphs == ("Go to **Billing > [Products](https://a.org) > Now**.",)
    again = read_text("# T\n\n" + article.sections[0].paragraphs[0], path="en.md")
    assert again.sections == article.sections


def test_our_own_described_articles_are_plain() -> None:
    article = read_text("---\ndescription: d\nintent: pay_invoice\nlanguage: en\n---\n# T\n\n> [!NOTE]\n> x\n")
    assert article.dialect == "plain"
    assert article.sections[0].notes == (Note("note", "x", (), "x"),)
