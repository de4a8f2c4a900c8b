"""Small pieces of Markdown."""

from __future__ import annotations

from inspect import cleandoc
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 120
GENERATED = "<!-- Made by `make docs` from the code. Change the code, not this page. -->"


def page(title: str, *parts: str) -> str:
    """Return a whole page."""
    return "\n\n".join((f"# {title}", GENERATED, *(part for part in parts if part))) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; columns that are empty in every row are left out."""
    body = [tuple(_cell(text) for text in row) for row in rows]
    used = [index for index in range(len(head)) if any(row[index] for row in body)]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(row[index] for index in used) + " |" for row in lines)


def code(text: str) -> str:
    """Return a text as code; empty stays empty."""
    return f"`{text}`" if text else ""


def paragraphs(text: str) -> str:
    """Return a docstring's or help's paragraphs, each filled."""
    return "\n\n".join(fill(" ".join(one.split()), WIDTH) for one in cleandoc(text).split("\n\n") if one.strip())


def sentence(text: str) -> str:
    """Return a docstring on one line, its double backquotes single."""
    return " ".join(text.split()).replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
