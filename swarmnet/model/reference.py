"""What fields mean, read from the code: the docstrings below them."""

from __future__ import annotations

import ast
from inspect import getsource
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings below a model's fields, its base classes' included, each on one line."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not cls.__module__.startswith("swarmnet."):
            continue
        (definition,) = ast.parse(dedent(getsource(cls))).body
        body = getattr(definition, "body", [])
        for field, below in pairwise(body):
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, str):
                found[field.target.id] = " ".join(text.split())
    return found
