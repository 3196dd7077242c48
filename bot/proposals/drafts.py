"""Writes the files of a new issue for a person to finish: row, article skeletons, phrases, and what is left to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from bot.articles import parts
from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.articles.links import faults
from bot.articles.promises import FEWEST_DOCUMENTS, FEWEST_STEPS, MOST_STEPS
from bot.articles.promises import UNFINISHED as TODO
from bot.articles.replies import Replies
from bot.encoder import load_encoder
from bot.proposals.clusters import DISTANCE, Cluster

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_NAME_WORDS = 4
_MOST_LINKS = 4
_MOST_ELSEWHERE = 40
_MOST_RIVALS = 20
_NO_WORDS = frozenset({"a", "an", "and", "for", "from", "how", "in", "of", "on", "or", "the", "to", "with", "your"})


class DraftError(ValueError):
    """The drafts cannot be written; the message says why and what to do."""


def write_drafts(found: Sequence[Cluster], output: Path, examples: Sequence[Example]) -> list[str]:
    """Writes a folder for each cluster and a README that lists them; never into a folder that holds something.

    Args:
        found: the clusters.
        output: the folder, which must be missing or empty.
        examples: the training phrases, with which a new issue competes; some belong to it from now on.

    Returns:
        The names of the proposed issues, in the order of the clusters.

    Raises:
        DraftError: the folder holds something, or cannot be made.
    """
    check_output(output)
    names: list[str] = []
    issues = load_issues()
    asked = {question.language for cluster in found for question in cluster.questions}
    rivals = [one for one in examples if one.about_products or (one.intent in issues and one.language in asked)]
    vectors = load_encoder().encode([one.text for one in rivals])
    for cluster in found:
        names.append(issue_name(cluster, {*issues, *names}))
        near = _nearest(cluster, rivals, vectors)
        _write_issue(cluster, names[-1], output / names[-1], near)
    _write(output / "README.md", "list.md", issues=zip(names, found, strict=True))
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
    stem = cluster.articles[0].stem if cluster.articles else "new_issue"
    words = [word for word in re.findall(r"[a-z]+", stem.lower()) if word not in _NO_WORDS] or ["new", "issue"]
    name = "_".join(words[:_NAME_WORDS])
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 1000))) if each not in taken)


def _write_issue(cluster: Cluster, name: str, folder: Path, near: Sequence[Example]) -> None:
    _write(folder / "issues-row.yml", "issues-row.yml", name=name, cluster=cluster)
    replies = Replies()
    for language in replies.languages():
        _write_skeleton(folder / "articles" / name / f"{language}.md", cluster, name, language, replies)
    for language in sorted({question.language for question in cluster.questions}):
        phrases = [question.text for question in cluster.questions if question.language == language]
        path = folder / "nlu" / language / f"{name}.yml"
        _write(path, "phrases.yml", name=name, language=language, phrases=phrases)
    refused = [one for one in near if one.about_products][:_MOST_ELSEWHERE]
    rivals = [one for one in near if not one.about_products][:_MOST_RIVALS]
    _write(folder / "README.md", "README.md", name=name, cluster=cluster, elsewhere=refused, rivals=rivals)


def _write_skeleton(path: Path, cluster: Cluster, name: str, language: str, replies: Replies) -> None:
    """Writes an article of which only links, the number of steps and our own headings are there."""
    best = cluster.articles[0] if cluster.articles else None
    links = _links(cluster, language)
    _write(
        path,
        "article.md",
        name=name,
        language=language,
        slug=name.replace("_", "-"),
        parts=parts,
        steps_heading=replies.label("steps", language),
        steps=min(max(best.steps if best else 0, FEWEST_STEPS), MOST_STEPS),
        address=f" ([{best.file}]({next(iter(links))}))" if best and links else "",
        documents_heading=replies.label("documents", language),
        links=links,
        fewest_documents=FEWEST_DOCUMENTS,
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


def _nearest(cluster: Cluster, examples: Sequence[Example], vectors: NDArray[np.float32]) -> list[Example]:
    """Returns the phrases that may mean what the cluster does, nearest first; `vectors` has a row for each phrase."""
    likeness = vectors @ cluster.centre
    order = np.argsort(-likeness, kind="stable").tolist()
    return [examples[number] for number in order if likeness[number] >= 1 - DISTANCE]


def _write(path: Path, template: str, **values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf8") as stream:
        stream.write(_TEMPLATES.get_template(template).render(TODO=TODO, **values))
