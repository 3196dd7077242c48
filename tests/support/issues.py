"""The issues that a language must have."""

from __future__ import annotations

from pathlib import Path

from bot.articles.issues import Issue, load_issues


def issues_in(language: str, table: Path | None = None) -> dict[str, Issue]:
    """Returns the issues of a complete language: all but those whose row in the table names other languages only."""
    return {name: issue for name, issue in load_issues(table).items() if language in (issue.languages or (language,))}
