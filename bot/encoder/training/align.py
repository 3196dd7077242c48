"""Aligns article trees of several locales into parallel segments: texts that say the same in several languages.

The trees have the same file names in every locale and nearly always the same blocks in the same order. Files whose
blocks agree in kind are paired one by one; where a locale has a block more or less, dynamic programming finds the
cheapest pairing (Needleman & Wunsch 1970; Gale & Church 1993 for the cost of unlike lengths).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bot.articles.markdown import parse, render_text
from bot.articles.model import ArticleError, Document
from bot.articles.readers import split

ENGLISH = "en"
_SKIP_COST = 1.0
"""Cost of leaving a block without a partner; two blocks that cost more than twice this are not paired."""
_MOST_PAIRED_COST = 1.2

_SIDE_BY_SIDE = re.compile(
    r"<span data-ttu-id=[^>]*>(?P<target>.*?)</span>\s*"
    r'<span class="sxs-lookup">\s*<span data-stu-id=[^>]*>(?P<source>.*?)</span>\s*</span>',
    re.DOTALL,
)
_HOST_AND_LOCALE = re.compile(r"^https?://[^/]*/?([a-z]{2}-[a-z]{2}/)?")
_NO_TEXT = re.compile(r"\[!\w+\]|https?://\S+|\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[\w\"'«»(¿¡])")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_PAGE = re.compile(r"[a-z0-9-]+")
_PAGE_ID = re.compile(r"(^|-)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_SLUG_END = re.compile(r"-?\d+$")


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, list item or table row of an article, as plain text."""

    kind: str
    text: str
    slug: str = ""
    """English slug of a heading, empty where there is none."""
    marks: frozenset[str] = frozenset()
    """Parts that translation leaves alone: addresses of links, and numbers."""
    english: str = ""
    """The source sentence of a side-by-side article."""
    links: tuple[tuple[str, str], ...] = ()
    """Address (without host and locale) and label of each link."""


@dataclass(frozen=True)
class Segment:
    """Texts of a file that say the same, by ISO 639-1 code of their language."""

    file: str
    texts: dict[str, str]


@dataclass
class AlignmentReport:
    """Counts of aligned files, blocks and segments; the counters go by language."""

    files: Counter[str] = field(default_factory=Counter)
    blocks: Counter[str] = field(default_factory=Counter)
    paired: Counter[str] = field(default_factory=Counter)
    files_paired_one_by_one: int = 0
    files_realigned: int = 0
    segments: int = 0
    sentences: int = 0

    def lines(self) -> list[str]:
        """Returns the report as lines to print."""
        shares = {language: self.paired[language] / max(1, self.blocks[language]) for language in sorted(self.files)}
        rows = [[code, self.files[code], self.blocks[code], share] for code, share in shares.items()]
        table = tabulate(rows, ["language", "files", "blocks", "aligned"], "plain", floatfmt=".1%")
        whole, shifted = self.files_paired_one_by_one, self.files_realigned
        summary = f"{self.segments} segments ({self.sentences} of them single sentences of longer blocks); "
        summary += f"{whole} files block by block, {shifted} with missing or shifted blocks"
        return [*table.splitlines(), summary]


def read_blocks(document: Document) -> list[Block]:
    """Splits an article of any of the three dialects into its blocks.

    Args:
        document: the article's text, as `bot.articles.readers.split` returns it.

    Returns:
        The blocks in order; those without a word are left out.
    """
    # Addresses are compared as they are written; with a base, none is left out for being relative.
    document.base_url = "https://learn.microsoft.com"
    blocks: list[Block] = []
    for kind, markdown in _raw_blocks(document):
        pairs = [(pair["target"], pair["source"]) for pair in _SIDE_BY_SIDE.finditer(markdown)]
        blocks.extend(_block(document, kind, target, source) for target, source in pairs or [(markdown, "")])
    return [block for block in blocks if _LETTERS.search(block.text)]


def _raw_blocks(document: Document) -> Iterator[tuple[str, str]]:
    """Yields the kind and the Markdown of each block of running text."""
    for node in parse(document).walk():
        if node.type == "tr":
            yield "row", " ".join(cell.children[0].content for cell in node.children)
        elif node.type == "heading":
            yield "heading", node.children[0].content
        elif node.type == "paragraph":
            begins_item = node.previous_sibling is None and node.parent is not None and node.parent.type == "list_item"
            yield "item" if begins_item else "paragraph", node.children[0].content
        elif node.type == "html_block":
            yield "paragraph", node.content


def _block(document: Document, kind: str, markdown: str, english: str) -> Block:
    rendered = render_text(document, markdown)
    text = _plain(rendered.text)
    links = tuple((_HOST_AND_LOCALE.sub("", link.source), _plain(link.label)) for link in rendered.links)
    marks = frozenset([*re.findall(r"\d+", text), *(address for address, _ in links)])
    english = _plain(render_text(document, english).text) if english else ""
    return Block(kind, text, rendered.anchor, marks, english, links)


def _plain(text: str) -> str:
    """Returns a text in one line without marks of boxes and addresses."""
    return " ".join(_NO_TEXT.sub(" ", text).split())


def english_of_slug(slug: str) -> str:
    """Returns the words of an English slug (`past-due-account` → `past due account`), empty if there are none."""
    words = _SLUG_END.sub("", slug).replace("-", " ").replace("_", " ").strip()
    return words if _LETTERS.search(words) else ""


def english_of_address(address: str) -> str:
    """Returns the words of an address's last part if it names a page (`.../cancel-your-subscription?x` → the words).

    Addresses of one word, with upper case or with ids say too little.
    """
    last = re.split(r"[?#]", address)[0].rstrip("/").rsplit("/", 1)[-1].removesuffix(".md").removesuffix(".aspx")
    last = _PAGE_ID.sub("", last)
    words = last.split("-")
    return " ".join(words) if _PAGE.fullmatch(last) and sum(word.isalpha() for word in words) > 2 else ""


def _cost(first: Block, second: Block) -> float:
    cost = 0.0 if first.kind == second.kind else 0.7
    if first.slug or second.slug:
        cost += -0.5 if first.slug == second.slug else 1.0
    longer, shorter = max(len(first.text), len(second.text)), min(len(first.text), len(second.text))
    cost += min(1.0, max(0.0, (longer + 10) / (shorter + 10) - 1.3))
    union = first.marks | second.marks
    if union:
        cost += 0.8 * (1 - 2 * len(first.marks & second.marks) / len(union))
    return cost


def pair_blocks(first: Sequence[Block], second: Sequence[Block]) -> list[tuple[int, int]]:
    """Pairs the blocks of two versions of an article in order, leaving out those without a partner.

    Args:
        first: the blocks of one version.
        second: the blocks of the other.

    Returns:
        Pairs of indices, ascending.
    """
    if [block.kind for block in first] == [block.kind for block in second]:
        costs = map(_cost, first, second)
        return [(index, index) for index, cost in enumerate(costs) if cost < 2 * _MOST_PAIRED_COST]
    # For the first so many blocks of both versions: the least cost, and the pairs, each after those before it.
    best: list[tuple[float, Any]] = [(column * _SKIP_COST, ()) for column in range(len(second) + 1)]
    for row, block in enumerate(first):
        following: list[tuple[float, Any]] = [((row + 1) * _SKIP_COST, ())]
        for column, other in enumerate(second):
            cost = _cost(block, other)
            skip, skipped = min(best[column + 1], following[column], key=itemgetter(0))
            match, pairs = best[column][0] + cost, best[column][1]
            pairs = (pairs, (row, column)) if cost < _MOST_PAIRED_COST else pairs
            following.append((match, pairs) if match < skip + _SKIP_COST else (skip + _SKIP_COST, skipped))
        best = following
    found, pairs = [], best[-1][1]
    while pairs:
        pairs, pair = pairs
        found.append(pair)
    return found[::-1]


def _split_sentences(texts: dict[str, str]) -> list[dict[str, str]]:
    """Splits texts into parallel sentences where all languages agree on their number, else returns them whole."""
    split_texts = {language: _SENTENCE_END.split(text) for language, text in texts.items()}
    common, _ = Counter(map(len, split_texts.values())).most_common(1)[0]
    agreeing = {language: sentences for language, sentences in split_texts.items() if len(sentences) == common}
    if common == 1 or len(agreeing) < max(2, len(split_texts) // 2):
        return [texts]
    return [{language: sentences[index] for language, sentences in agreeing.items()} for index in range(common)]


def _align_file(name: str, versions: dict[str, list[Block]], report: AlignmentReport) -> Iterator[Segment]:
    """Aligns the versions of one article, by language; the report is counted up."""
    shapes = {language: tuple(block.kind for block in blocks) for language, blocks in versions.items()}
    frequency = Counter(shapes.values())
    pivot = max(versions, key=lambda language: frequency[shapes[language]])
    report.files_paired_one_by_one += len(frequency) == 1
    report.files_realigned += len(frequency) > 1
    rows: dict[int, dict[str, Block]] = defaultdict(dict)
    for language, blocks in versions.items():
        report.blocks[language] += len(blocks)
        for index, other in pair_blocks(versions[pivot], blocks):
            rows[index][language] = blocks[other]
    for index in sorted(rows):
        yield from _segments_of_row(name, rows[index], report)


def _segments_of_row(name: str, row: dict[str, Block], report: AlignmentReport) -> Iterator[Segment]:
    texts = {language: block.text for language, block in row.items()}
    english = next((block.english for block in row.values() if block.english), "")
    english = english or english_of_slug(next((block.slug for block in row.values() if block.slug), ""))
    if english:
        texts[ENGLISH] = english
    if len(texts) < 2:
        return
    report.paired.update(row.keys())
    sentences = [texts] if english else _split_sentences(texts)
    report.sentences += len(sentences) if len(sentences) > 1 else 0
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for language, block in row.items():
        for address, label in block.links:
            if " " in label and label != block.text and english_of_address(address):
                labels[address][language] = label
    links = [{**same, ENGLISH: english_of_address(address)} for address, same in labels.items()]
    yield from (Segment(name, same) for same in (*sentences, *links))


def align_trees(trees: Sequence[Path]) -> tuple[list[Segment], AlignmentReport]:
    """Aligns article trees, one folder per locale, by file name and block; files that are no articles are left out.

    Args:
        trees: folders such as `corpus/nb-NO`; Markdown files are looked for at any depth.

    Returns:
        The segments, texts that occur more than once (boilerplate) only once, and the report.
    """
    report = AlignmentReport()
    files: dict[str, dict[str, Path]] = defaultdict(dict)
    for tree in trees:
        language = tree.name.split("-")[0].lower()
        for path in sorted(tree.rglob("*.md")):
            files[str(path.relative_to(tree)).lower()][language] = path
            report.files[language] += 1
    segments: dict[frozenset[tuple[str, str]], Segment] = {}
    for name in sorted(files):
        for segment in _segments_of_file(Path(name).stem, files[name], report):
            segments.setdefault(frozenset(segment.texts.items()), segment)
    report.segments = len(segments)
    return list(segments.values()), report


def _segments_of_file(name: str, paths: dict[str, Path], report: AlignmentReport) -> Iterator[Segment]:
    """Aligns titles, with the English words of the file name, and blocks."""
    titles: dict[str, str] = {}
    versions: dict[str, list[Block]] = {}
    for language, path in paths.items():
        try:
            document = split(path.read_text(encoding="utf-8", errors="replace"), str(path), salvage=True)
        except ArticleError:
            continue
        titles[language] = _plain(str(document.metadata.get("title") or ""))
        versions[language] = read_blocks(document)
    titles[ENGLISH] = english_of_slug(name) or titles.get(ENGLISH, "")
    titles = {language: title for language, title in titles.items() if title}
    if len(titles) > 1:
        yield Segment(name, titles)
    versions = {language: blocks for language, blocks in versions.items() if blocks}
    if len(versions) > 1:
        yield from _align_file(name, versions, report)
