"""Writes the files of a new issue for a person to finish: row, article skeletons, phrases, and what is left to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from bot.articles import parts
from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.articles.links import faults
from bot.articles.promises import FEWEST_DOCUMENTS, FEWEST_STEPS, MOST_STEPS
from bot.articles.promises import UNFINISHED as TODO
from bot.articles.replies import Replies
from bot.encoder import load_encoder
from bot.proposals.clusters import DISTANCE, Cluster, FoundArticle

_TEMPLATES = Path(__file__).parent / "templates"
_NAME_WORDS = 4
_MOST_LINKS = 4
_SHOWN_QUESTIONS = 10
_MOST_ELSEWHERE = 40
_NO_WORDS = frozenset({"a", "an", "and", "for", "from", "how", "in", "of", "on", "or", "the", "to", "with", "your"})


class DraftError(ValueError):
    """The drafts cannot be written; the message says why and what to do."""


def write_drafts(found: Sequence[Cluster], output: Path, examples: Sequence[Example]) -> list[str]:
    """Writes a folder for each cluster and a README that lists them; never into a folder that holds something.

    Args:
        found: the clusters.
        output: the folder, which must be missing or empty.
        examples: the training phrases, some of which belong to a new issue from now on.

    Returns:
        The names of the proposed issues, in the order of the clusters.

    Raises:
        DraftError: the folder holds something, or cannot be made.
    """
    check_output(output)
    names: list[str] = []
    for cluster in found:
        names.append(issue_name(cluster, {*load_issues(), *names}))
        _write_issue(cluster, names[-1], output / names[-1], examples)
    listed = [f"- [{name}]({name}/README.md): {_summary(cluster)}" for name, cluster in zip(names, found, strict=True)]
    _write(output / "README.md", "# Proposed issues\n\nMost asked first. Take one up or leave it.\n\n" + _lines(listed))
    return names


def check_output(output: Path) -> None:
    """Makes the output folder.

    Raises:
        DraftError: it holds something, or cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise DraftError(f"{output} is not empty, and nothing is overwritten; name another folder with -o.")
    except OSError as error:
        raise DraftError(f"{output} cannot be used ({error.strerror}); name another folder with -o.") from error


def issue_name(cluster: Cluster, taken: Collection[str]) -> str:
    """Returns a name that no issue has, made of the file name of the best article."""
    stem = Path(cluster.articles[0].file).stem if cluster.articles else "new_issue"
    words = [word for word in re.findall(r"[a-z]+", stem.lower()) if word not in _NO_WORDS] or ["new", "issue"]
    name = "_".join(words[:_NAME_WORDS])
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 1000))) if each not in taken)


def _summary(cluster: Cluster) -> str:
    languages = ", ".join(sorted({question.language for question in cluster.questions}))
    asked = f"{len(cluster.questions)} questions, asked {cluster.times} times ({languages})"
    return f"{asked}, such as “{cluster.questions[0].text}”"


def _write_issue(cluster: Cluster, name: str, folder: Path, examples: Sequence[Example]) -> None:
    sources = _lines(f"      - {Path(article.file).stem}" for article in cluster.articles)
    _write(folder / "issues-row.yml", _template("issues-row.yml", name=name, sources=sources))
    replies = Replies()
    for language in replies.languages():
        _write(folder / "articles" / name / f"{language}.md", _skeleton(cluster, name, language, replies))
    for language in sorted({question.language for question in cluster.questions}):
        phrases = _lines(f"    - {question.text}" for question in cluster.questions if question.language == language)
        content = _template("phrases.yml", name=name, language=language, phrases=phrases)
        _write(folder / "nlu" / language / f"{name}.yml", content)
    shown = cluster.questions[:_SHOWN_QUESTIONS]
    readme = _template(
        "README.md",
        name=name,
        summary=_summary(cluster),
        questions=_lines(f"- ({each.language}, {each.times} times) {each.text}" for each in shown),
        articles=_lines(line for article in cluster.articles for line in _facts(article)),
        elsewhere=_lines(f"   - {told}" for told in _elsewhere(cluster, examples) or ["none found"]),
    )
    _write(folder / "README.md", readme)


def _skeleton(cluster: Cluster, name: str, language: str, replies: Replies) -> str:
    """Returns an article of which only links, the number of steps and our own headings are there."""
    best = cluster.articles[0] if cluster.articles else None
    number = min(max(best.steps if best else 0, FEWEST_STEPS), MOST_STEPS)
    links = _links(cluster, language)
    address = f" ([{best.file}]({next(iter(links))}))" if best and links else ""
    documents = [f"- [{label}]({url})" for url, label in links.items()]
    documents += [f"- {TODO} a document that helps"] * (FEWEST_DOCUMENTS - len(links))
    return _template(
        "article.md",
        name=name,
        language=language,
        slug=name.replace("_", "-"),
        parts=parts,
        steps_heading=replies.label("steps", language),
        steps=_lines(f"1. {TODO} in your own words: step {step}{address}" for step in range(1, number + 1)),
        documents_heading=replies.label("documents", language),
        documents=_lines(documents),
    )


def _links(cluster: Cluster, language: str) -> dict[str, str]:
    """Returns the sound addresses of the found articles, the same in every language, with their labels in one."""
    found: dict[str, str] = {}
    for article in cluster.articles:
        for url in article.links:
            if not list(faults(url)):
                label = article.labels.get(language, {}).get(url) or f"{TODO} name of this document"
                found.setdefault(url, " ".join(re.sub(r"[\[\]\\<>*`]", " ", label).split()) or TODO)
    return dict(list(found.items())[:_MOST_LINKS])


def _facts(article: FoundArticle) -> list[str]:
    titles = "; ".join(f"{title} ({language})" for language, title in article.titles.items())
    about = f"- `{article.path}` ({article.source}, {article.licence}), {article.steps} steps: {titles}"
    return [about, *(f"  - <{url}>" for url in article.links)]


def _elsewhere(cluster: Cluster, examples: Sequence[Example]) -> list[str]:
    """Returns the phrases that are trained to be refused but may mean what the cluster does, nearest first."""
    refused = [example for example in examples if example.about_products]
    vectors = load_encoder().encode([example.text for example in refused])
    near = sorted((-float(vector @ cluster.centre), number) for number, vector in enumerate(vectors))
    shown = [refused[number] for distance, number in near if 1 + distance <= DISTANCE][:_MOST_ELSEWHERE]
    return [f"{example.path.parent.name}/{example.path.name}: {example.text}" for example in shown]


def _template(file: str, **values: Any) -> str:
    return (_TEMPLATES / file).read_text(encoding="utf8").format(TODO=TODO, **values)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf8") as stream:
        stream.write(text)
