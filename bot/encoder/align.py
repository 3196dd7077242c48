"""Aligns article trees of several locales into parallel segments: texts that say the same in several languages.

The trees have the same file names in every locale and nearly always the same blocks in the same order. Files whose
blocks agree in kind are paired one by one; where a locale has a block more or less, dynamic programming finds the
cheapest pairing (Needleman & Wunsch 1970; Gale & Church 1993 for the cost of unlike lengths).
"""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ENGLISH = "en"
_SKIP_COST = 1.0
"""Cost of leaving a block without a partner; two blocks that cost more than twice this are not paired."""
_MOST_PAIRED_COST = 1.2

_FRONT_MATTER = re.compile(r"\A\ufeff?---\s*\n.*?\n---\s*\n", re.DOTALL)
_TITLE = re.compile(r"""^title:\s*(?P<quote>["']?)(?P<title>.*?)(?P=quote)\s*$""", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCE = re.compile(r"^\s*(```|~~~).*?^\s*\1\s*$", re.DOTALL | re.MULTILINE)
_SIDE_BY_SIDE = re.compile(
    r"<span data-ttu-id=[^>]*>(?P<target>.*?)</span>\s*"
    r'<span class="sxs-lookup">\s*<span data-stu-id=[^>]*>(?P<source>.*?)</span>\s*</span>',
    re.DOTALL,
)
_ANCHOR = re.compile(r'<a\s+name="(?P<slug>[^"]*)"\s*>\s*</a>')
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[(?P<label>[^\]]*)\]\s*\((?P<address>[^)\s]*)[^)]*\)")
_HOST_AND_LOCALE = re.compile(r"^https?://[^/]*/?([a-z]{2}-[a-z]{2}/)?")
_BARE_ADDRESS = re.compile(r"https?://\S+")
_BOX = re.compile(r"\[!\w+\]")
_ITEM = re.compile(r"^\s*(?P<marker>[-*+]|\d+[.)])\s+(?P<text>.*)$")
_QUOTE = re.compile(r"^\s*(>\s?)+")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s*(?P<text>.*?)\s*#*\s*$")
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
    """What translation leaves alone: addresses of links and numbers."""
    english: str = ""
    """The source sentence of a side-by-side article."""
    links: tuple[tuple[str, str], ...] = ()
    """Address (without host and locale) and label of each link."""


@dataclass(frozen=True)
class Segment:
    """Texts that say the same, by ISO 639-1 code of their language."""

    file: str
    kind: str
    texts: dict[str, str]


@dataclass
class AlignmentReport:
    """How much of the trees could be aligned."""

    files: Counter[str] = field(default_factory=Counter)
    blocks: Counter[str] = field(default_factory=Counter)
    paired: Counter[str] = field(default_factory=Counter)
    files_paired_one_by_one: int = 0
    files_realigned: int = 0
    segments: int = 0
    sentences: int = 0

    def lines(self) -> list[str]:
        """Returns the report as lines to print."""
        lines = [f"{'language':10}{'files':>8}{'blocks':>9}{'aligned':>9}"]
        for language in sorted(self.files):
            share = self.paired[language] / max(1, self.blocks[language])
            lines.append(f"{language:10}{self.files[language]:8}{self.blocks[language]:9}{share:9.1%}")
        lines.append(
            f"{self.segments} segments ({self.sentences} of them single sentences of longer blocks); "
            f"{self.files_paired_one_by_one} files block by block, "
            f"{self.files_realigned} with missing or shifted blocks"
        )
        return lines


def language_of(tree: Path) -> str:
    """Returns the ISO 639-1 code of a tree's folder name (`nb-NO` → `nb`)."""
    return tree.name.split("-")[0].lower()


def read_blocks(source: str) -> list[Block]:
    """Splits an article of any of the three dialects into its blocks.

    Args:
        source: the file's text with front matter and markup.

    Returns:
        The blocks in order; those without a word are left out.
    """
    body = _COMMENT.sub(" ", _FRONT_MATTER.sub("", source))
    blocks: list[Block] = []
    for kind, raw in _raw_blocks(_FENCE.sub("\n\n", body)):
        pairs = list(_SIDE_BY_SIDE.finditer(raw))
        if pairs:
            blocks.extend(_block(kind, pair["target"], pair["source"]) for pair in pairs)
        else:
            blocks.append(_block(kind, raw))
    return [block for block in blocks if _LETTERS.search(block.text)]


def _raw_blocks(body: str) -> Iterable[tuple[str, str]]:
    kind, lines = "paragraph", list[str]()
    for quoted in body.splitlines():
        line = _QUOTE.sub("", quoted)
        heading, item = _HEADING.match(line), _ITEM.match(line)
        starts = heading or item or line.lstrip().startswith("|") or not line.strip()
        if starts and lines:
            yield kind, " ".join(lines)
            kind, lines = "paragraph", []
        if heading:
            yield "heading", heading["text"]
        elif item:
            kind, lines = "item", [item["text"]]
        elif line.lstrip().startswith("|"):
            yield "row", line.replace("|", " ")
        elif line.strip():
            lines.append(line.strip())
    if lines:
        yield kind, " ".join(lines)


def _block(kind: str, raw: str, english: str = "") -> Block:
    anchor = _ANCHOR.search(raw)
    links = tuple(
        (_HOST_AND_LOCALE.sub("", link["address"]), plain_text(link["label"])) for link in _LINK.finditer(raw)
    )
    text = plain_text(raw)
    marks = {address for address, _ in links} | set(re.findall(r"\d+", text))
    slug = anchor["slug"] if anchor else ""
    return Block(kind, text, slug, frozenset(marks), plain_text(english), links)


def plain_text(raw: str) -> str:
    """Returns Markdown or HTML as plain text: links become their labels, markup and addresses go."""
    text = _TAG.sub(" ", _ANCHOR.sub(" ", raw))
    text = _LINK.sub(r"\g<label>", _IMAGE.sub(" ", text))
    text = _BOX.sub(" ", _BARE_ADDRESS.sub(" ", html.unescape(text)))
    text = re.sub(r"[*`\\]|(?<!\w)_|_(?!\w)", "", text)
    return re.sub(r"\s+", " ", text).strip()


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
        return [
            (index, index) for index in range(len(first)) if _cost(first[index], second[index]) < 2 * _MOST_PAIRED_COST
        ]
    rows, columns = len(first) + 1, len(second) + 1
    best = [[(row + column) * _SKIP_COST for column in range(columns)] for row in range(rows)]
    paired = [[False] * columns for _ in range(rows)]
    for row in range(1, rows):
        for column in range(1, columns):
            match = best[row - 1][column - 1] + _cost(first[row - 1], second[column - 1])
            skip = min(best[row - 1][column], best[row][column - 1]) + _SKIP_COST
            paired[row][column] = match < skip
            best[row][column] = min(match, skip)
    pairs = []
    row, column = len(first), len(second)
    while row and column:
        if paired[row][column]:
            row, column = row - 1, column - 1
            if _cost(first[row], second[column]) < _MOST_PAIRED_COST:
                pairs.append((row, column))
        elif best[row - 1][column] <= best[row][column - 1]:
            row -= 1
        else:
            column -= 1
    return pairs[::-1]


def _split_sentences(texts: dict[str, str]) -> list[dict[str, str]]:
    """Splits texts into parallel sentences where all languages agree on their number, else returns them whole."""
    split = {language: _SENTENCE_END.split(text) for language, text in texts.items() if language != ENGLISH}
    common, _ = Counter(len(parts) for parts in split.values()).most_common(1)[0]
    agreeing = {language: parts for language, parts in split.items() if len(parts) == common}
    if common == 1 or len(agreeing) < max(2, len(split) // 2):
        return [texts]
    return [{language: parts[index] for language, parts in agreeing.items()} for index in range(common)]


def title_of(source: str) -> str:
    """Returns the title in an article's front matter, empty if it has none."""
    front = _FRONT_MATTER.match(source)
    title = _TITLE.search(front[0]) if front else None
    return plain_text(title["title"]) if title else ""


def align_file(name: str, versions: dict[str, list[Block]], report: AlignmentReport) -> list[Segment]:
    """Aligns the versions of one article.

    Args:
        name: the file's name, an English slug in the source trees.
        versions: blocks by language.
        report: is counted up.

    Returns:
        Segments in two or more languages.
    """
    for language, blocks in versions.items():
        report.blocks[language] += len(blocks)
    shapes = Counter(tuple(block.kind for block in blocks) for blocks in versions.values())
    pivot = max(versions, key=lambda language: shapes[tuple(block.kind for block in versions[language])])
    if len(shapes) == 1:
        report.files_paired_one_by_one += 1
    else:
        report.files_realigned += 1
    rows: dict[int, dict[str, Block]] = defaultdict(dict)
    for language, blocks in versions.items():
        for index, other in pair_blocks(versions[pivot], blocks):
            rows[index][language] = blocks[other]
    segments: list[Segment] = []
    for index in sorted(rows):
        segments.extend(_segments_of_row(name, rows[index], report))
    return segments


def _segments_of_row(name: str, row: dict[str, Block], report: AlignmentReport) -> list[Segment]:
    texts = {language: block.text for language, block in row.items()}
    kind = next(iter(row.values())).kind
    english = next((block.english for block in row.values() if block.english), "")
    if not english:
        english = english_of_slug(next((block.slug for block in row.values() if block.slug), ""))
    if english:
        texts = {**texts, ENGLISH: english}
    if len(texts) < 2:
        return []
    for language in row:
        report.paired[language] += 1
    parts = [texts] if english else _split_sentences(texts)
    segments = [Segment(name, kind, part) for part in parts]
    segments.extend(_link_segments(name, row))
    if len(parts) > 1:
        report.sentences += len(parts)
    report.segments += len(segments)
    return segments


def _title_segments(stem: str, sources: dict[str, str]) -> list[Segment]:
    """Pairs the titles of the front matter with one another and with the English words of the file name."""
    titles = {language: title for language, source in sources.items() if (title := title_of(source))}
    if english := english_of_slug(stem):
        titles[ENGLISH] = english
    return [Segment(stem, "title", titles)] if len(titles) > 1 else []


def _link_segments(name: str, row: dict[str, Block]) -> list[Segment]:
    """Pairs the labels of the same link with one another and with the English words of its address."""
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for language, block in row.items():
        for address, label in block.links:
            if " " in label and label != block.text:
                labels[address][language] = label
    segments = []
    for address, texts in labels.items():
        english = english_of_address(address)
        if english and texts:
            segments.append(Segment(name, "link", {**texts, ENGLISH: english}))
    return segments


def align_trees(trees: Sequence[Path]) -> tuple[list[Segment], AlignmentReport]:
    """Aligns article trees, one folder per locale, by file name and block.

    Args:
        trees: folders such as `corpus/nb-NO`; Markdown files are looked for at any depth.

    Returns:
        The segments, texts that occur more than once (boilerplate) only once, and the report.
    """
    report = AlignmentReport()
    paths: dict[str, dict[str, Path]] = defaultdict(dict)
    for tree in trees:
        language = language_of(tree)
        for path in sorted(tree.rglob("*.md")):
            paths[str(path.relative_to(tree)).lower()][language] = path
            report.files[language] += 1
    segments: list[Segment] = []
    seen: set[frozenset[tuple[str, str]]] = set()
    for name in sorted(paths):
        sources = {
            language: path.read_text(encoding="utf-8", errors="replace") for language, path in paths[name].items()
        }
        stem = Path(name).stem
        found = [*_title_segments(stem, sources)]
        versions = {language: blocks for language in sources if (blocks := read_blocks(sources[language]))}
        if len(versions) > 1:
            found.extend(align_file(stem, versions, report))
        for segment in found:
            key = frozenset(segment.texts.items())
            if key not in seen:
                seen.add(key)
                segments.append(segment)
    report.segments = len(segments)
    return segments, report
