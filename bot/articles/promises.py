"""The rules for our own articles: complete first answers, passages, no retired names, equal structure in all languages.

Languages are compared by their sections, numbers of steps and links (some also by the Azure portal's English labels),
not by what they say; a partial language may lack articles and passages. The readers' own findings are not repeated.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bot.articles import links, parts
from bot.articles.issues import Issue, IssueTableError, load_issues
from bot.articles.model import Article, Problem, Section, walk
from bot.articles.replies import FALLBACK_LANGUAGE, Replies, ReplyError
from bot.text.limited_markdown import visible
from bot.text.yaml_files import read_yaml

FEWEST_STEPS, MOST_STEPS = 2, 5
FEWEST_DOCUMENTS = 2
LONGEST_NOW = 140
"""Letters that are seen of the line that says what to do now."""
MOST_WORDS = 140
"""Words of a first answer."""
UNFINISHED = "TODO:"
"""Marks in a draft what a person is to write."""
NAMES_FILE = "retired_names.yml"

_PLACE = re.compile(r"(.+?\.yml):(?:(\d+):)? ?(.*)", re.DOTALL)
"""File, line number and message of an error."""
_LABEL = re.compile(r"\*\*(.+?)\*\*")

Found = tuple[int, str]  # a line and what is wrong in it


def check_tree(tree: Path, articles: Mapping[Path, Article]) -> Iterator[Problem]:
    """Checks a folder of our own articles by these rules; what the readers report is not repeated.

    Args:
        tree: the folder `<intent>/<language>.md`; the issue table, replies and retired names (if any) lie beside it.
        articles: those that could be read, by their files.
    """
    data = tree.resolve().parent
    replies, names_file = Replies(data / "replies"), data / NAMES_FILE
    try:
        issues, partial = load_issues(data / "issues.yml"), {*replies.languages()} - {*replies.complete()}
        names = read_yaml(names_file, IssueTableError) if names_file.is_file() else {}
    except (IssueTableError, ReplyError) as error:
        path, line, message = _PLACE.match(str(error)).groups()  # type: ignore[union-attr]
        yield Problem(path, int(line or 1), message)
        return
    retired, english_portal = (names.get(key) or {} for key in ("retired", "english_portal"))
    files = defaultdict[str, dict[str, Path]](dict)
    for path in sorted(tree.glob("*/??.md")):
        files[path.parent.name][path.stem] = path
    languages = sorted({language for found in files.values() for language in found} - partial)
    for intent in sorted({*issues, *files}):
        folder, issue = tree / intent, issues.get(intent)
        if issue is None:
            yield Problem(str(folder), 1, f"article for the unknown issue {intent}; add it to issues.yml")
        if intent not in files:
            yield Problem(str(folder), 1, f"issue {intent} has no article; write one")
            continue
        for code in sorted({FALLBACK_LANGUAGE, *issue.languages}) if issue and issue.languages else languages:
            if code not in files[intent]:
                yield Problem(str(folder / f"{code}.md"), 1, "missing language; write the article")
        read = {code: articles[path] for code, path in files[intent].items() if path in articles}
        reference = "en" if "en" in read else min(read, default="")
        for code, article in read.items():
            found = [*_check_article(article, intent, code, issue, code in partial)]
            found += _check_lines(Path(article.path), retired)
            if code != reference:
                english_labels = reference == "en" and code in english_portal
                found += _compare(article, read[reference], english_labels, code in partial)
            yield from (Problem(article.path, max(line, 1), message) for line, message in found)
    for path in sorted((data / "replies").glob("*.yml")):
        yield from (Problem(str(path), line, message) for line, message in _check_lines(path, retired))


def first_answer_words(article: Article, variant: parts.Variant) -> int:
    """Counts the words that a customer reads first: title, lead, what to do now, warnings, steps, document names."""
    texts = [article.title, parts.lead(article), *variant.section.paragraphs]
    for note in variant.warnings:
        texts += [note.text, *note.items]
    for step in walk(variant.steps):
        texts += [step.text, *(note.text for note in step.notes)]
    texts += [link.label for link in parts.documents(article, variant.product)]
    return sum(len(visible(text).split()) for text in texts)


def _check_article(article: Article, intent: str, language: str, issue: Issue | None, partial: bool) -> Iterator[Found]:
    """Checks one of our articles by itself; that of a partial language may lack passages."""
    yield from _check_front_matter(article, intent, language)
    if not parts.lead(article).strip():
        yield article.sections[0].line, "no lead; write a short sentence below the main heading"
    for section in article.sections:
        if not section.slug:
            yield section.line, f"section '{section.title}' has no slug; write <a name=\"...\"></a> before it"
    yield from _check_variants(article, issue)
    for variant in parts.variants(article):
        yield from _check_variant(article, variant)
    yield from _check_passages(article, () if partial or issue is None else issue.passages)
    yield from ((link.line, fault) for link in article.links for fault in links.faults(link.source))


def _check_front_matter(article: Article, intent: str, language: str) -> Iterator[Found]:
    for name in ("title", "description"):
        if not article.metadata.get(name):
            yield 1, f"no '{name}:' in the front matter; write one"
    for name, expected in (("language", language), ("intent", intent)):
        if article.metadata.get(name) != expected:
            yield 1, f"'{name}:' in the front matter is {article.metadata.get(name)!r}; write {expected!r}"
    if article.slug and article.slug != (slug := intent.replace("_", "-")):
        yield article.sections[0].line, f"the main heading's slug is '{article.slug}'; write '{slug}'"


def _check_variants(article: Article, issue: Issue | None) -> Iterator[Found]:
    """Compares the article's steps with the products and agreements that the issue table lists."""
    found = parts.variants(article)
    if not found:
        yield 1, f"no section '{parts.STEPS_SLUG}' (or one for each product); write the steps"
        return
    line = found[0].section.line
    products = {variant.product for variant in found}
    if None in products and len(products) > 1:
        yield line, f"steps for all products beside steps for one; keep either '{parts.STEPS_SLUG}' or variants"
    if issue is None:
        return
    if None not in products:
        for product in (each for each in issue.products if each not in products):
            slug = f"{parts.STEPS_SLUG}-{parts.PRODUCT_SLUGS[product]}"
            yield line, f"no steps for the product {product}; write the section '{slug}'"
    for variant in found:
        if variant.product not in (None, *issue.products):
            problem = f"steps for {variant.product}, for which issues.yml does not list this issue"
            yield variant.section.line, f"{problem}; remove '{variant.section.slug}' or list it"
    named = {variant.agreement for variant in found if variant.agreement is not None}
    if named != set(issue.agreements):
        own, listed = _listed(sorted(named)), _listed(sorted(issue.agreements))
        yield line, f"the agreements with steps of their own are {own}, in issues.yml {listed}; make them equal"


def _check_variant(article: Article, variant: parts.Variant) -> Iterator[Found]:
    section = variant.section
    if not variant.steps:
        yield section.line, f"the steps in '{section.slug}' are not an ordered list; number them"
        return
    if not FEWEST_STEPS <= len(variant.steps) <= MOST_STEPS:
        yield section.line, f"{len(variant.steps)} steps in '{section.slug}'; write {FEWEST_STEPS} to {MOST_STEPS}"
    if not variant.now or section.order[0] != "paragraph":
        yield section.line, f"'{section.slug}' does not begin with what to do now; write one sentence before the steps"
    elif (letters := len(visible(variant.now))) > LONGEST_NOW:
        yield section.line, f"what to do now has {letters} letters in '{section.slug}'; write {LONGEST_NOW} at most"
    if "step" in section.order and set(section.order[section.order.index("step") :]) != {"step"}:
        yield section.line, f"text behind the steps of '{section.slug}'; put it before them or into a passage"
    if len({link.url for link in parts.documents(article, variant.product)}) < FEWEST_DOCUMENTS:
        yield section.line, f"fewer than {FEWEST_DOCUMENTS} documents for '{section.slug}'; add those that help"
    if (words := first_answer_words(article, variant)) > MOST_WORDS:
        yield section.line, f"the first answer of '{section.slug}' has {words} words; write {MOST_WORDS} at most"


def _check_passages(article: Article, listed: Sequence[str]) -> Iterator[Found]:
    """Checks that each passage answers a kind of question, and that those that the issue table lists are there."""
    kinds: set[str | None] = set()
    for section in parts.passages(article):
        kinds.add(kind := parts.passage_kind(section.slug))
        if kind is None and section.slug:
            yield section.line, f"'{section.slug}' begins with no kind of question ({', '.join(parts.KINDS)})"
        if not section.order:
            yield section.line, f"the passage '{section.slug}' is empty; write it or remove it"
    for missing in (kind for kind in listed if kind not in kinds):
        yield 1, f"no passage of the kind {missing}, which issues.yml lists; write it"
    for extra in sorted(kinds - {None, *listed}, key=str) if listed else ():
        yield 1, f"a passage of the kind {extra}, which issues.yml does not list; list it"


def _check_lines(path: Path, retired: Mapping[str, str]) -> Iterator[Found]:
    """Finds what is left of a draft, and names that Microsoft has retired."""
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), start=1):
        if UNFINISHED in line:
            yield number, f"'{UNFINISHED}' is left from a draft; write what stands for it"
        for name, instead in retired.items():
            if name.casefold() in line.casefold():
                yield number, f"'{name}' is retired; write {instead}"


def _compare(article: Article, expected: Article, english_labels: bool, partial: bool) -> Iterator[Found]:
    """Compares an article's sections, numbers of steps, links and products of list items with another language's."""
    reference = Path(expected.path).stem
    own, slugs = ([section.slug for section in found.sections] for found in (article, expected))
    if partial:
        slugs = [slug for slug in slugs if slug in own]
    if own != slugs:
        yield 1, f"its sections are {_listed(own)}, but in '{reference}' {_listed(slugs)}; make them equal"
    links_differ = article.metadata.get("links-differ") or expected.metadata.get("links-differ")
    for section in article.sections:
        other = expected.section(section.slug)
        if not section.slug or other is None:
            continue
        if [len(step.steps) for step in section.steps] != [len(step.steps) for step in other.steps]:
            yield section.line, f"the steps in '{section.slug}' are not numbered as in '{reference}'; make them alike"
        urls, wanted = (Counter(sorted(link.url for link in found.links)) for found in (section, other))
        if not links_differ and urls != wanted:
            differ = f"the links in '{section.slug}' differ from those in '{reference}'"
            how = f"(missing: {_listed(wanted - urls)}; too many: {_listed(urls - wanted)})"
            remedy = "make them equal or give the reason as 'links-differ:' in the front matter"
            yield section.line, f"{differ} {how}; {remedy}"
        # An item for all products may be a sentence in another language.
        mine, theirs = parts.item_products(section, article.language), parts.item_products(other, expected.language)
        if parts.passage_kind(section.slug) and [*filter(None, mine)] != [*filter(None, theirs)]:
            problem = f"the items of '{section.slug}' do not begin with the same products as in '{reference}'"
            yield section.line, f"{problem}; write the names as in `labels` of data/replies/{article.language}.yml"
        about_azure = section.slug.startswith(parts.STEPS_SLUG) and parts.section_product(section.slug) == "azure"
        if english_labels and about_azure and (missing := _missing_labels(section, other)):
            problem = f"write its label {_listed(missing)} in '{section.slug}'"
            yield section.line, f"the Azure portal has no such language: {problem}"


def _missing_labels(section: Section, english: Section) -> list[str]:
    """Returns the buttons of the English steps that the translated ones lack: no portal has this language."""
    own = " ".join(_markdown(section)).casefold()
    labels = {label.strip(" .") for text in _markdown(english) for label in _LABEL.findall(text)}
    return sorted(label for label in labels if visible(label).casefold() not in own and len(label) > 1)


def _markdown(section: Section) -> list[str]:
    steps = [text for step in walk(section.steps) for text in (step.markdown, *(note.markdown for note in step.notes))]
    return [*section.paragraphs, *(note.markdown for note in section.notes), *steps]


def _listed(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(value or "(no slug)" for value in values)) or "none"
