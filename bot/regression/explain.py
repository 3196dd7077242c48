"""Explains what the bot understands of one text, in a terminal or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.articles import ArticleStore
from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.nlu.explain import load_intent_model, nearest, strongest
from bot.regression.items import RegressionError
from bot.regression.measure import NluModel
from bot.settings import get_settings
from bot.training import LaunchError, train

RANKED = 5
PARTS = 8
NEAREST = 5


def explain(text: str, model: Path | None, page: str | None) -> dict[str, Any]:
    """Asks a model what it understands of a text, and why.

    Args:
        text: as a customer would type it.
        model: the model's file; None takes that of the present content, trained if need be.
        page: language of the page that it was typed on, if known.

    Returns:
        Plain values: `language`, `intent`, `ranking`, `instead_of`, `words`, `ngrams`, `meaning`, `entities`,
        `second_issue`, `candidates`, `nearest`, `article`.

    Raises:
        RegressionError: there is nothing to explain, or no model.
    """
    if not text.strip():
        raise RegressionError("there is no text to explain; give one in quotation marks.")
    try:
        path = model or train()
    except LaunchError as error:
        raise RegressionError(str(error)) from error
    if not path.is_file():
        raise RegressionError(f"{path}: there is no such model; leave out --model to take the present content's.")
    parsed = NluModel(path).parse([text], [page])[0]
    ranking = [entry for entry in parsed["intent_ranking"] if entry["name"] != "nlu_fallback"][:RANKED]
    best, other = ranking[0]["name"], ranking[1]["name"]
    why = load_intent_model(path).explain(text, best, other)
    language = parsed["language"]["name"]
    examples = [e for e in read_examples(get_settings().data_dir / "nlu") if e.intent in {best, other}]
    examples = [e for e in examples if e.language == language] or examples
    return {
        "text": text,
        "language": parsed["language"],
        "intent": parsed["intent"]["name"],
        "ranking": ranking,
        "instead_of": other,
        "words": strongest(why.words, PARTS),
        "ngrams": strongest(why.ngrams, PARTS),
        "against": strongest({name: -part for name, part in why.words.items()}, PARTS),
        "meaning": round(why.meaning, 3),
        "constant": round(why.constant, 3),
        "entities": [
            {key: entity[key] for key in ("entity", "value", "start", "end")}
            for entity in parsed["entities"]
            if entity["entity"] != "language"
        ],
        "second_issue": (parsed["triage"]["second_issue"] or {}).get("name"),
        "candidates": parsed["triage"]["candidates"],
        "nearest": [
            {"intent": near.example.intent, "language": near.example.language, "likeness": round(near.likeness, 3)}
            | {"text": near.example.text}
            for near in nearest([text], examples, NEAREST)[0]
        ],
        "article": None if parsed["triage"]["candidates"] else _article(parsed["intent"]["name"], language),
    }


def print_explanation(explained: dict[str, Any], as_json: bool) -> None:
    """Prints an explanation, in colour where the terminal has it.

    Args:
        explained: what `explain` returned.
        as_json: whether it is for a program.
    """
    if as_json:
        print(json.dumps(explained, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    language = explained["language"]
    console.print(explained["text"], style="bold", markup=False)
    console.print(f"language [cyan]{language['name']}[/] ({language['confidence']:.0%})")
    refused = explained["intent"] != explained["ranking"][0]["name"]
    for place, entry in enumerate(explained["ranking"]):
        bar = "█" * round(entry["confidence"] * 30)
        style = "yellow" if refused else ("green" if place == 0 else "dim")
        console.print(f"  {entry['name']:<28}{entry['confidence']:>7.1%} {bar}", style=style)
    if refused:
        console.print(f"  refused as {explained['intent']}: no intent is sure enough", style="yellow")
    numbers = ", every number is read as 0" if any(character.isdigit() for character in explained["text"]) else ""
    best = explained["ranking"][0]["name"]
    console.print(f"\nwhy [green]{best}[/] and not {explained['instead_of']} (log odds{numbers})")
    for title, key, style in (
        ("words", "words", "green"),
        ("n-grams", "ngrams", "green"),
        ("against", "against", "red"),
    ):
        _print_parts(console, title, explained[key], style)
    console.print(f"  meaning (sentence encoding) {explained['meaning']:+.2f}, constant {explained['constant']:+.2f}")
    for entity in explained["entities"]:
        console.print(f"  entity {entity['entity']}: {entity['value']}", style="magenta", markup=False)
    if explained["second_issue"]:
        console.print(f"  second issue: {explained['second_issue']}", style="magenta")
    table = Table(title="nearest training phrases", title_justify="left", box=None)
    for heading in ("like", "intent", "", "phrase"):
        table.add_column(heading)
    for near in explained["nearest"]:
        table.add_row(f"{near['likeness']:.2f}", near["intent"], near["language"], near["text"])
    console.print(table)
    if explained["candidates"]:
        console.print(f"the bot asks which it is: {' or '.join(explained['candidates'])}", style="yellow")
        return  # no article answers before the customer has chosen
    article = explained["article"]
    console.print(f"answered by: {article['file']} “{article['title']}”" if article else "no article answers this")


def _print_parts(console: Console, title: str, parts: list[tuple[str, float]], style: str) -> None:
    if parts:
        told = "  ".join(
            f"{name.replace(' ', '␣') if title == 'n-grams' else name} {part:+.2f}" for name, part in parts
        )
        console.print(f"  {title + ':':<9}{told}", style=style, markup=False)


def _article(intent: str, language: str) -> dict[str, str] | None:
    """Returns the article that would answer; None for an intent that has none."""
    if intent not in load_issues():
        return None
    folder = get_settings().data_dir / "articles"
    article = ArticleStore(folder).article(intent, language)
    return {"file": f"data/articles/{intent}/{article.language}.md", "title": article.title}
