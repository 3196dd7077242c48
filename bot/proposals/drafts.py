"""Writes drafts of new issues into an empty folder, for a person to finish: table row, article skeletons, phrases."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bot.articles import parts, promises
from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.articles.links import faults
from bot.articles.promises import UNFINISHED as TODO
from bot.articles.replies import Replies
from bot.encoder import load_encoder
from bot.proposals import ProposalError
from bot.proposals.clusters import DISTANCE, Cluster
from bot.text.templates import open_templates

_TEMPLATES = open_templates(Path(__file__).parent / "templates")
_NAME_WORDS = 4
_MOST_LINKS = 4
_MOST_ELSEWHERE = 40
_MOST_RIVALS = 20
_NO_WORDS = frozenset({"a", "an", "and", "for", "from", "how", "in", "of", "on", "or", "the", "to", "with", "your"})


def write_drafts(found: Sequence[Cluster], output: Path, examples: Sequence[Example]) -> dict[str, Cluster]:
    """Writes a folder for each cluster and a README that lists them; never into a folder that holds something.

    Args:
        found: the clusters.
        output: the folder; `check_output` has seen that it is empty.
        examples: the training phrases, with which a new issue competes; some belong to it from now on.

    Returns:
        The clusters by the names of the proposed issues.

    Raises:
        OSError: a file is there already, or cannot be written.
    """
    drafts: dict[str, Cluster] = {}
    issues = load_issues()
    asked = {question.language for cluster in found for question in cluster.questions}
    rivals = [one for one in examples if one.about_products or (one.intent in issues and one.language in asked)]
    vectors = load_encoder().encode([one.text for one in rivals])
    for cluster in found:
        name = issue_name(cluster, {*issues, *drafts})
        drafts[name] = cluster
        likeness = vectors @ cluster.centre
        nearest = np.argsort(-likeness, kind="stable").tolist()
        near = [rivals[place] for place in nearest if likeness[place] >= 1 - DISTANCE]
        _write_issue(cluster, name, output / name, near)
    _write(output / "README.md", "list.md", issues=drafts.items())
    return drafts


def check_output(output: Path) -> None:
    """Makes the output folder.

    Raises:
        ProposalError: it holds something, or cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        if any(output.iterdir()):
            raise ProposalError(f"{output} is not empty, and nothing is overwritten; name another folder with -o.")
    except OSError as error:
        raise ProposalError(f"{output} cannot be used ({error.strerror}); name another folder with -o.") from error


def issue_name(cluster: Cluster, taken: Collection[str]) -> str:
    """Returns a name that no issue has, made of the file name of the best article."""
    stem = cluster.articles[0].path.stem if cluster.articles else "new_issue"
    words = [word for word in re.findall(r"[a-z]+", stem.lower()) if word not in _NO_WORDS] or ["new", "issue"]
    name = "_".join(words[:_NAME_WORDS])
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 1000))) if each not in taken)


def _write_issue(cluster: Cluster, name: str, folder: Path, near: Sequence[Example]) -> None:
    """Writes the files of one issue; `near` are the phrases that may mean what it does, nearest first.

    Of an article only links, the number of steps and our own headings are there.
    """
    _write(folder / "issues-row.yml", "issues-row.yml", name=name, cluster=cluster)
    replies, best = Replies(), cluster.articles[0] if cluster.articles else None
    steps = min(max(best.steps if best else 0, promises.FEWEST_STEPS), promises.MOST_STEPS)
    for language in replies.languages():
        links = _links(cluster, language)
        address = f" ([{best.path.name}]({next(iter(links))}))" if best and links else ""
        about = {"name": name, "language": language, "steps": steps, "address": address, "links": links}
        path = folder / "articles" / name / f"{language}.md"
        _write(path, "article.md", **about, parts=parts, promises=promises, replies=replies)
    for language in sorted({question.language for question in cluster.questions}):
        phrases = [question.text for question in cluster.questions if question.language == language]
        path = folder / "nlu" / language / f"{name}.yml"
        _write(path, "phrases.yml", name=name, language=language, phrases=phrases)
    refused = [one for one in near if one.about_products][:_MOST_ELSEWHERE]
    rivals = [one for one in near if not one.about_products][:_MOST_RIVALS]
    _write(folder / "README.md", "README.md", name=name, cluster=cluster, elsewhere=refused, rivals=rivals)


def _links(cluster: Cluster, language: str) -> dict[str, str]:
    """Returns the sound addresses of the found articles, the same in every language, with their labels in one."""
    found: dict[str, str] = {}
    for article in cluster.articles:
        for url in article.links:
            if not list(faults(url)):
                label = article.labels.get(language, {}).get(url) or f"{TODO} name of this document"
                found.setdefault(url, " ".join(re.sub(r"[\[\]\\<>*`]", " ", label).split()) or TODO)
    return dict(list(found.items())[:_MOST_LINKS])


def _write(path: Path, template: str, **values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf8") as stream:
        stream.write(_TEMPLATES.get_template(template).render(TODO=TODO, **values).rstrip() + "\n")
