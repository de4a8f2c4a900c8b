"""What fields mean, read from the code: the docstrings below them."""

from __future__ import annotations

import ast
import sys
from functools import cache
from inspect import getsource
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings below a model's fields, its base classes' included, each on one line."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if cls.__module__.startswith("swarmnet."):
            found |= _texts_by_class(cls.__module__)[cls.__name__]
    return found


@cache  # a schema asks for hundreds of classes of a few modules
def _texts_by_class(module: str) -> dict[str, dict[str, str]]:
    """Return the docstrings below the fields of each class of a module."""
    tree = ast.parse(getsource(sys.modules[module]))
    return {node.name: dict(_texts(node)) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def _texts(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(definition.body):
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, str):
            yield field.target.id, " ".join(text.split())
