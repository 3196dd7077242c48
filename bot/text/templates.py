"""Opens folders of jinja2 templates for texts and reports; a value that they lack is an error, not an empty place."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape


def open_templates(folder: Path) -> Environment:
    """Returns the templates of a folder; in `.html` and `.xml` ones values are escaped."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
