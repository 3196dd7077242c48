"""The check of articles: any source for defects, our own tree for what our articles promise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bot.articles import links, parts
from bot.articles.issues import IssueTableError, load_issues
from bot.articles.model import Article, ArticleError, Problem, Section
from bot.articles.readers import read_article

SUFFIXES = frozenset({".md", ".txt"})
FEWEST_STEPS, MOST_STEPS = 3, 8
FEWEST_DOCUMENTS = 2
UNFINISHED = "TODO:"
"""Marks in a draft what a person is to write."""

_LINE = re.compile(r"(?:(\d+):)? ?(.*)", re.DOTALL)
"""Line number and message of an error, behind the file's name."""
_MANY_FILES = 200
_WORKERS = 2
_ARTICLE_SLUGS = frozenset({parts.STEPS_SLUG, *parts.VARIANT_SLUGS.values()})


class NothingToCheck(LookupError):  # noqa: N818 - says what happened, as ArticleNotFound does
    """A path does not exist, or no article was found in any of them; the message says which."""


@dataclass(frozen=True)
class Report:
    """What a check found."""

    articles: int
    """The number of articles that could be read."""
    problems: tuple[Problem, ...]


def check(paths: Iterable[Path]) -> Report:
    """Checks files and folders; a folder of our own articles is checked for what our articles promise, too.

    Our own tree is a folder `<intent>/<language>.md` that has the issue table `issues.yml` beside it.

    Args:
        paths: files, or folders that are searched for `.md` and `.txt`.

    Raises:
        NothingToCheck: a path does not exist, or there is no article in any of them.
    """
    roots = [Path(path) for path in paths]
    for root in roots:
        if not root.exists():
            raise NothingToCheck(f"{root} does not exist; name a file or a folder of articles")
    files = list(dict.fromkeys(file for root in roots for file in find_files(root)))
    if not files:
        raise NothingToCheck(f"no article (.md or .txt) was found in {', '.join(map(str, roots))}")
    results = list(_read_all(files))
    problems = [problem for _, found in results for problem in found]
    for tree in dict.fromkeys(tree for root in roots for tree in find_trees(root)):
        problems += check_tree(tree)
    return Report(sum(read for read, _ in results), tuple(dict.fromkeys(problems)))


def find_files(root: Path) -> list[Path]:
    """Returns the articles in a folder, sorted; a file is returned as it is."""
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def find_trees(root: Path) -> list[Path]:
    """Returns the folders of our own articles at or under a folder."""
    if not root.is_dir():
        return []
    # Resolved, because `data/articles/.` and `articles` have the table beside them as well.
    candidates = [root] if (root.resolve().parent / "issues.yml").is_file() else []
    candidates += [table.with_name("articles") for table in sorted(root.rglob("issues.yml"))]
    return [tree for tree in candidates if any(tree.glob("*/??.md"))]


def _read_all(files: list[Path]) -> Iterator[tuple[bool, tuple[Problem, ...]]]:
    """Yields for each file whether it could be read and what is wrong with it."""
    if len(files) <= _MANY_FILES:
        yield from map(_read_one, files)
        return
    with ProcessPoolExecutor(_WORKERS) as pool:
        yield from pool.map(_read_one, files, chunksize=100)


def _read_one(path: Path) -> tuple[bool, tuple[Problem, ...]]:
    try:
        return True, read_article(path, salvage=True).problems
    except ArticleError as error:
        return False, (Problem(error.path, error.line, error.message),)
    except OSError as error:
        return False, (Problem(str(path), 1, f"cannot be opened ({error.strerror}); check its permissions"),)


def check_tree(tree: Path) -> list[Problem]:
    """Checks a folder of our own articles for what they promise; what the readers report is not repeated.

    Args:
        tree: the folder `<intent>/<language>.md`; the issue table lies beside it.
    """
    table = tree.resolve().parent / "issues.yml"
    try:
        issues = load_issues(table)
    except IssueTableError as error:
        line, message = _LINE.match(str(error).removeprefix(f"{table}:")).groups()  # type: ignore[union-attr]
        return [Problem(str(table), int(line or 1), message)]
    articles = _articles(tree)
    languages = sorted({language for found in articles.values() for language in found})
    problems = []
    for intent in sorted({*issues, *articles}):
        folder = tree / intent
        if intent not in issues:
            problems.append(Problem(str(folder), 1, f"article for the unknown issue {intent}; add it to {table.name}"))
        if not articles.get(intent):
            problems.append(Problem(str(folder), 1, f"issue {intent} has no article; write one"))
            continue
        missing = [language for language in languages if language not in articles[intent]]
        problems += [Problem(str(folder / f"{code}.md"), 1, "missing language; write the article") for code in missing]
        products = issues[intent].products if intent in issues else ()
        read = {code: article for code, article in articles[intent].items() if article is not None}
        for code, article in read.items():
            problems += _check_article(article, intent, code, products)
        problems += _check_parallel(read)
    return problems


def _articles(tree: Path) -> dict[str, dict[str, Article | None]]:
    """Reads a tree: intent -> language -> article; None for one that cannot be read, which the readers report."""
    articles: dict[str, dict[str, Article | None]] = {}
    for folder in sorted(path for path in tree.iterdir() if path.is_dir()):
        articles[folder.name] = {}
        for path in sorted(folder.glob("??.md")):
            try:
                articles[folder.name][path.stem] = read_article(path)
            except (ArticleError, OSError):
                articles[folder.name][path.stem] = None
    return articles


def _check_article(article: Article, intent: str, language: str, products: tuple[str, ...]) -> list[Problem]:
    """Checks one of our articles by itself."""
    found = [
        *_check_front_matter(article, intent, language),
        *_check_steps(article, products),
        *_check_links(article),
        *_check_finished(article),
    ]
    if not parts.lead(article).strip():
        found.append((article.sections[0].line, "no lead; write one or two sentences below the main heading"))
    if (contact := parts.contact(article)) is None:
        found.append((1, f"no section '{parts.CONTACT_SLUG}'; say when to contact the bank or the support"))
    elif not (contact.paragraphs or contact.bullets):
        found.append((contact.line, "the section 'contact' is empty; say when to contact the bank or the support"))
    for section in article.sections:
        if not section.slug:
            found.append((section.line, f"section '{section.title}' has no slug; write <a name=\"...\"></a> before it"))
    return [Problem(article.path, max(line, 1), message) for line, message in found]


def _check_front_matter(article: Article, intent: str, language: str) -> Iterator[tuple[int, str]]:
    for name in ("title", "description"):
        if not article.metadata.get(name):
            yield 1, f"no '{name}:' in the front matter; write one"
    for name, expected in (("language", language), ("intent", intent)):
        if article.metadata.get(name) != expected:
            yield 1, f"'{name}:' in the front matter is {article.metadata.get(name)!r}; write {expected!r}"
    if article.slug and article.slug != intent.replace("_", "-"):
        yield (
            article.sections[0].line,
            f"the main heading's slug is '{article.slug}'; write '{intent.replace('_', '-')}'",
        )


def _check_steps(article: Article, products: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    sections = [section for section in article.sections if section.slug in _ARTICLE_SLUGS]
    slugs = {section.slug for section in sections}
    if not sections:
        yield 1, f"no section '{parts.STEPS_SLUG}' (or one for each product); write the steps"
    if parts.STEPS_SLUG in slugs and len(slugs) > 1:
        yield (
            sections[0].line,
            f"steps for all products beside steps for one; keep either '{parts.STEPS_SLUG}' or variants",
        )
    if parts.STEPS_SLUG not in slugs:
        for product, slug in parts.VARIANT_SLUGS.items():
            if sections and product in products and slug not in slugs:
                yield sections[0].line, f"no steps for the product {product}; write the section '{slug}'"
    for product, slug in parts.VARIANT_SLUGS.items():
        if slug in slugs and products and product not in products:
            yield 1, f"steps for {product}, for which issues.yml does not list this issue; remove '{slug}' or list it"
    for section in sections:
        if not section.steps:
            yield section.line, f"the steps in '{section.slug}' are not an ordered list; number them"
        elif not FEWEST_STEPS <= len(section.steps) <= MOST_STEPS:
            yield section.line, f"{len(section.steps)} steps in '{section.slug}'; write {FEWEST_STEPS} to {MOST_STEPS}"


def _check_links(article: Article) -> Iterator[tuple[int, str]]:
    for link in article.links:
        for fault in links.faults(link.source):
            yield link.line, fault
    documents = parts.documents(article)
    if len({link.url for link in documents}) < FEWEST_DOCUMENTS:
        section = article.section(parts.DOCUMENTS_SLUG)
        line = section.line if section is not None else 1
        yield line, f"fewer than {FEWEST_DOCUMENTS} links in '{parts.DOCUMENTS_SLUG}'; add the documents that help"


def _check_finished(article: Article) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(Path(article.path).read_text(encoding="utf8").splitlines(), start=1):
        if UNFINISHED in line:
            yield number, f"'{UNFINISHED}' is left from a draft; write what stands for it"


def _check_parallel(articles: dict[str, Article]) -> Iterator[Problem]:
    """Compares the languages of one article with each other: same sections, same links in them."""
    if len(articles) < 2:
        return
    reference = "en" if "en" in articles else min(articles)
    expected = articles[reference]
    slugs = [section.slug for section in expected.sections]
    for code, article in articles.items():
        if code == reference:
            continue
        own = [section.slug for section in article.sections]
        if own != slugs:
            yield Problem(
                article.path,
                1,
                f"its sections are {_listed(own)}, but in '{reference}' {_listed(slugs)}; make them equal",
            )
        if article.metadata.get("links-differ") or expected.metadata.get("links-differ"):
            continue
        for section in article.sections:
            other = expected.section(section.slug)
            if section.slug and other is not None and _urls(section) != _urls(other):
                yield Problem(article.path, max(section.line, 1), _difference(section, other, reference))


def _urls(section: Section) -> list[str]:
    return sorted(link.url for link in section.links)


def _difference(section: Section, other: Section, reference: str) -> str:
    own, expected = _urls(section), _urls(other)
    missing = _listed([url for url in expected if expected.count(url) > own.count(url)])
    extra = _listed([url for url in own if own.count(url) > expected.count(url)])
    return (
        f"the links in '{section.slug}' differ from those in '{reference}' (missing: {missing}; too many: {extra}); "
        "make them equal or give the reason as 'links-differ:' in the front matter"
    )


def _listed(values: list[str]) -> str:
    return ", ".join(dict.fromkeys(value or "(no slug)" for value in values)) or "none"
