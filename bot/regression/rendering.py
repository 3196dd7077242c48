"""Renders the templates in `assets/`: reports of a run and explanations of a phrase."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from rich.console import Console
from rich.markup import escape

_ASSETS = Path(__file__).parent / "assets"
_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(template: str, **values: Any) -> str:
    """Renders a template.

    Args:
        template: its file in `assets/`; in `.html` and `.xml` ones values are escaped.
        values: what it shows.
    """
    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "intent": lambda intent: intent.replace("_", " "),
        "markup": escape,
        "shade": _shade,
        "xml": lambda text: _NOT_IN_XML.sub("", text),
    }
    return environment.get_template(template).render(values).rstrip() + "\n"


def show(template: str, **values: Any) -> None:
    """Prints a template with rich's markup, in colour where the terminal has it."""
    Console(highlight=False).print(render(template, **values), soft_wrap=True, end="")


def _shade(share: float) -> str:
    """Returns the background of a cell: white for all right, orange for all wrong; black text is readable on both."""
    worst = (240, 150, 110)
    return "#" + "".join(f"{round(255 - (255 - channel) * min(1.0, 2 * (1 - share))):02x}" for channel in worst)
