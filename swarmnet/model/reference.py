"""The reference of a spec's fields, read from the code: their lines, their types, and the docstrings below them."""

from __future__ import annotations

import ast
from inspect import getsource
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING

from swarmnet.model.base import Document, JsonValue
from swarmnet.model.engine_json import Part
from swarmnet.model.fields import Effect, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel


class Row(Document):
    """What a page says about one field."""

    field: str
    """Its name; parts of a field have the field's name and a dot in front."""
    type: str
    """The form of its values, for people."""
    default: JsonValue
    """What the engine does where it is left out; None where that depends on the image, the driver or the engine."""
    engine: str
    """Where the engine's JSON has it, keys with dots between."""
    since: str | None
    """The lowest API version that knows it; None where each supported engine does."""
    effect: Effect
    """What a change does to the object."""
    hidden: bool
    """True where values are shown only with --show-values."""
    meaning: str


def reference(spec: type[Document], prefix: str = "", effect: Effect | None = None) -> Iterator[Row]:
    """Yield a row for each field of a spec, and for each part of a field that has parts.

    Args:
        spec: a class whose fields have lines, such as ``ServiceSpec``.
        prefix: what to put in front of the names.
        effect: the effect of the field that these are parts of.
    """
    texts = field_texts(spec)
    for name, line in lines(spec).items():
        costs = line.effect if effect is None else effect
        if isinstance(line.codec, Part):
            yield from reference(line.codec.model, f"{prefix}{name}.", costs)
            continue
        yield Row(
            field=prefix + name,
            type=line.codec.word,
            default=line.default,
            engine=line.path.removeprefix("../").replace("/", "."),
            since=line.since,
            effect=costs,
            hidden=line.hidden,
            meaning=texts.get(name, ""),
        )


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
