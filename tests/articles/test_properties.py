"""Properties that hold for any text."""

from __future__ import annotations

import json
from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.articles.model import Article, ArticleError, Section, Step
from bot.articles.readers import read_text

WORD = st.text(alphabet="abcdefghijklmnopqrstuvwxyzæøåéß", min_size=1, max_size=8)
WORDS = st.lists(WORD, min_size=1, max_size=5).map(" ".join)
PIECES = st.sampled_from(
    [
        *"#*_[]()<>!`\\|~-+>&;:\n\n\n \t•·–",
        *("1. ", "- ", "> [!NOTE]\n> ", "**", "](", "[!", "<a href='", "'>", "</a>", "<script>", "</script>", "<!--"),
        *("-->", "https://", "https://a.org", "<br>", "<div>", "</div>", "<![", "]]>", "&amp;", "\n---\n", "\n===\n"),
        *('<span data-ttu-id="1">', '<span class="sxs-lookup">', '<span data-stu-id="1">', "</span>", "| a | b |\n"),
        *("|---|---|\n", "    ", "```\n", "[!INCLUDE [a](b.md)]", "[!VIDEO https://a.org]", "a", "b", "\r", "\x00"),
    ]
)
HEADER = "---\ntitle: t\nlanguage: en\n{}---\n"


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(["", "description: d\n", "ms.topic: how-to\n"]))
def test_no_markdown_is_too_broken_to_be_read(text: str, more: str) -> None:
    article = read_text(HEADER.format(more) + text + "\n")
    json.dumps(asdict(article))
    assert article.sections
    last = HEADER.count("\n") + text.count("\n") + text.count("\r") + 3
    assert all(0 < problem.line <= last for problem in article.problems)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        article = read_text(text, path="en.md")
    except ArticleError as error:
        assert error.path == "en.md"
        assert error.line >= 1
    else:
        assert article.language == "en"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_front_matter_is_read_or_refused_with_a_place_and_can_be_salvaged(text: str) -> None:
    whole = f"---\nlanguage: en\n{text}\n---\n# T\n\nx\n"
    try:
        read_text(whole, path="en.md")
    except ArticleError as error:
        assert error.line >= 1
    try:
        read_text(whole, path="en.md", salvage=True)
    except ArticleError as error:
        assert "front matter" in error.message


STEPS = st.recursive(
    st.tuples(WORDS, st.just([])), lambda inner: st.tuples(WORDS, st.lists(inner, max_size=3)), max_leaves=8
)
LINKS = st.lists(st.tuples(WORDS, WORD.map(lambda word: f"https://example.org/{word}")), min_size=1, max_size=5)


def written(steps: list[tuple[str, list]], indent: str = "") -> str:  # type: ignore[type-arg]
    return "".join(f"{indent}1. {text}\n{written(inner, indent + '   ')}" for text, inner in steps)


def tree(steps: tuple[Step, ...]) -> list[tuple[str, list]]:  # type: ignore[type-arg]
    return [(step.text, tree(step.steps)) for step in steps]


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=6), LINKS)
def test_the_tree_of_steps_and_the_links_are_kept(
    steps: list[tuple[str, list]],  # type: ignore[type-arg]
    links: list[tuple[str, str]],
) -> None:
    listed = "".join(f"- [{label}]({url})\n" for label, url in links)
    article = read_text(f"{HEADER.format('')}# T\n\n{written(steps)}\n## U\n\n{listed}")
    assert tree(article.steps) == steps
    assert [(link.label, link.url) for link in article.sections[1].links] == links


def as_markdown(article: Article) -> str:
    """Writes an article's limited Markdown out again."""

    def section(part: Section) -> str:
        lines = [f"{'#' * part.level} {part.title}", *part.paragraphs]
        lines += [f"1. {step.markdown}" for step in part.steps]
        lines += [f"- {bullet.markdown}" for bullet in part.bullets]
        return "\n\n".join(lines)

    return HEADER.format("") + "\n\n".join(map(section, article.sections)) + "\n"


RUNS = st.lists(
    st.one_of(
        WORDS,
        WORDS.map(lambda text: f"**{text}**"),
        st.tuples(WORDS, WORD).map(lambda link: f"[{link[0]}](https://example.org/{link[1]})"),
        WORDS.map(lambda text: f"*{text}*"),
    ),
    min_size=2,
    max_size=6,
).map(lambda runs: "start " + " ".join(runs))


@settings(max_examples=150, deadline=None)
@given(st.lists(RUNS, min_size=1, max_size=3), st.lists(RUNS, max_size=4), st.lists(RUNS, max_size=4))
def test_limited_markdown_is_read_back_as_the_same(paragraphs: list[str], steps: list[str], bullets: list[str]) -> None:
    text = "\n\n".join(["# T", *paragraphs, *(f"1. {step}" for step in steps), *(f"- {bullet}" for bullet in bullets)])
    article = read_text(HEADER.format("") + text + "\n")
    assert read_text(as_markdown(article)).sections == article.sections
