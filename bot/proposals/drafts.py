"""Writes the files of a new issue for a person to finish: row, article skeletons, phrases, and what is left to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from bot.articles import parts
from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.articles.links import faults
from bot.articles.promises import FEWEST_DOCUMENTS, FEWEST_STEPS, MOST_STEPS
from bot.articles.promises import UNFINISHED as TODO
from bot.articles.replies import Replies
from bot.encoder import load_encoder
from bot.proposals.clusters import DISTANCE, Cluster, FoundArticle

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
    lines = [f"- [{name}]({name}/README.md): {_summary(cluster)}" for name, cluster in zip(names, found, strict=True)]
    _write(output / "README.md", ["# Proposed issues", "", "Most asked first. Take one up or leave it.", "", *lines])
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
    _write(folder / "issues-row.yml", _row(cluster, name))
    replies = Replies()
    for language in replies.languages():
        _write(folder / "articles" / name / f"{language}.md", _skeleton(cluster, name, language, replies))
    for language in sorted({question.language for question in cluster.questions}):
        texts = [question.text for question in cluster.questions if question.language == language]
        _write(folder / "nlu" / language / f"{name}.yml", _phrases(name, language, texts))
    _write(folder / "README.md", _readme(cluster, name, examples))


def _row(cluster: Cluster, name: str) -> Iterator[str]:
    yield f"  {name}:"
    yield f"    queue: subscriptions  # {TODO} payments, billing, subscriptions or access"
    yield f"    priority: normal  # {TODO} low, normal, high or urgent"
    yield f"    products: [azure, microsoft365]  # {TODO} those that it exists for"
    yield f"    related: []  # {TODO} issues to offer when the answer did not solve it"
    yield "    sources:"
    yield from (f"      - {Path(article.file).stem}" for article in cluster.articles)


def _skeleton(cluster: Cluster, name: str, language: str, replies: Replies) -> Iterator[str]:
    """Yields an article of which only links, the number of steps and our own headings are there."""
    slug, best = name.replace("_", "-"), (cluster.articles or (None,))[0]
    yield from ("---", f'title: "{TODO} title"', f'description: "{TODO} one sentence"')
    yield from (f"language: {language}", f"intent: {name}", "---")
    yield from (f'# <a name="{slug}"></a>{TODO} title', "", f"{TODO} lead, one short sentence.", "")
    yield from (f'## <a name="{parts.STEPS_SLUG}"></a>{replies.label("steps", language)}', "")
    yield from (f"{TODO} what to do now, in one sentence.", "")
    steps = min(max(best.steps if best else 0, FEWEST_STEPS), MOST_STEPS)
    links = _links(cluster, language)
    address = f" ([{best.file}]({next(iter(links))}))" if best and links else ""
    yield from (f"1. {TODO} in your own words: step {number}{address}" for number in range(1, steps + 1))
    for kind in ("who", "how-long"):
        yield from (
            "",
            f'## <a name="{kind}"></a>{TODO} a question',
            "",
            f"{TODO} its answer, {kind.replace('-', ' ')}",
        )
    yield ""
    yield from (f'## <a name="{parts.DOCUMENTS_SLUG}"></a>{replies.label("documents", language)}', "")
    yield from (f"- [{label}]({url})" for url, label in links.items())
    yield from (f"- {TODO} a document that helps" for _ in range(FEWEST_DOCUMENTS - len(links)))


def _links(cluster: Cluster, language: str) -> dict[str, str]:
    """Returns the sound addresses of the found articles, the same in every language, with their labels in one."""
    found: dict[str, str] = {}
    for article in cluster.articles:
        for url in article.links:
            if not list(faults(url)):
                label = article.labels.get(language, {}).get(url) or f"{TODO} name of this document"
                found.setdefault(url, " ".join(re.sub(r"[\[\]\\<>*`]", " ", label).split()) or TODO)
    return dict(list(found.items())[:_MOST_LINKS])


def _phrases(name: str, language: str, texts: Sequence[str]) -> Iterator[str]:
    yield from ('version: "3.1"', "", "nlu:", f"- intent: {name}", "  metadata:", f"    language: {language}")
    yield "  examples: |"
    yield from (f"    - {text}" for text in texts)


def _readme(cluster: Cluster, name: str, examples: Sequence[Example]) -> Iterator[str]:
    yield from (f"# {name}", "", f"{_summary(cluster)}.", "", "## Questions", "")
    for question in cluster.questions[:_SHOWN_QUESTIONS]:
        yield f"- ({question.language}, {question.times} times) {question.text}"
    yield from ("", "## Articles that the search finds", "")
    for article in cluster.articles:
        yield from _facts(article)
    yield from ("", "## To do", "", "docs/adding-an-issue.md tells how, and what to see after each step.", "")
    yield "1. Is it one matter, and not an issue that there is already? Rename folders, files and `intent` if need be."
    yield "2. `issues-row.yml`: settle each TODO, put it at the end of `data/issues.yml`."
    yield f"3. `articles/{name}/`: write each TODO in your own words (facts and links may be taken over, sentences may"
    yield "   not), move the folder into `data/articles/`; `python -m bot articles check data/articles`."
    yield f"4. `topics:` in every `data/replies/<language>.yml`: `{name}:` and a short name for buttons."
    yield "5. `nlu/`: read every phrase (names of people are not masked), drop what means something else, add more;"
    yield "   move the files into `data/nlu/<language>/`; `python -m bot data check`."
    yield "6. Take these phrases out of `out_of_scope`, if they are about this issue:"
    yield from _elsewhere(cluster, examples)
    yield "7. `make train`, then ask it."


def _facts(article: FoundArticle) -> Iterator[str]:
    titles = "; ".join(f"{title} ({language})" for language, title in article.titles.items())
    yield f"- `{article.path}` ({article.source}, {article.licence}), {article.steps} steps: {titles}"
    yield from (f"  - <{url}>" for url in article.links)


def _elsewhere(cluster: Cluster, examples: Sequence[Example]) -> Iterator[str]:
    """Yields the phrases that are trained to be refused but may mean what the cluster does, nearest first."""
    refused = [example for example in examples if example.about_products]
    vectors = load_encoder().encode([example.text for example in refused])
    near = sorted((-float(vector @ cluster.centre), number) for number, vector in enumerate(vectors))
    shown = [refused[number] for distance, number in near if 1 + distance <= DISTANCE][:_MOST_ELSEWHERE]
    yield from (f"   - {example.path.parent.name}/{example.path.name}: {example.text}" for example in shown)
    if not shown:
        yield "   - none found"


def _write(path: Path, lines: Iterator[str] | Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf8") as stream:
        stream.write("\n".join(lines) + "\n")
