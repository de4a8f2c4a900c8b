"""Friendly ways to write values in playbooks: durations, sizes, and text that YAML took for something else.

Each reads what people write; :class:`Written` next to it names the way back, for playbooks that swarmnet writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import JsonValue

MOST_SECONDS = 9_223_372_036.0
"""Engines count nanoseconds in 64 bits."""
MOST_BYTES = 2**63 - 1
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DURATION_PART = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d))+")
_SIZE = re.compile(rf"({_NUMBER})\s*([kmgt]?)(i?b)?")
_LONGEST = 40
"""Characters of a duration or a size; more than any has."""
_SIZES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


@dataclass(frozen=True, slots=True)
class Written:
    """How values of a notation are written: the first way that is read back as the value is taken."""

    ways: Callable[[Any], Iterator[JsonValue]]


def seconds(value: object) -> object:
    """Return seconds for ``90d``, ``1h30m``, ``500ms``; numbers are seconds already."""
    if not isinstance(value, str):
        return value
    text = value.replace(" ", "")
    if len(text) > _LONGEST or _DURATION.fullmatch(text) is None:
        raise ValueError(f"{_short(value)} is not a duration: write 30s, 1h30m or 90d")
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def size(value: object) -> object:
    """Return bytes for ``64M``, ``1.5G``, ``512k`` (powers of 1024); numbers are bytes already."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip().lower()) if len(value) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{_short(value)} is not a size: write 64M, 1.5G or a number of bytes")
    return int(float(match[1]) * _SIZES[match[2]])


def _durations(value: float) -> Iterator[JsonValue]:
    """Yield a duration in the largest unit that divides it."""
    for unit in ("d", "h", "m", "s", "ms"):
        number = round(value / _UNITS[unit])
        if number or unit == "s":
            yield f"{number}{unit}"


def _sizes(value: int) -> Iterator[JsonValue]:
    """Yield a size in the largest unit that divides it."""
    for unit in ("t", "g", "m", "k"):
        if value and value % _SIZES[unit] == 0:
            yield f"{value // _SIZES[unit]}{unit.upper() if unit != 'k' else unit}"


def _short(value: str) -> str:
    return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def texts(value: object) -> object:
    """Return a mapping with numbers and booleans as the text in the file: engines know only text."""
    return {key: _text(one) for key, one in value.items()} if isinstance(value, dict) else value


def environment(value: object) -> object:
    """Return a mapping for ``[NAME=value, ...]``, too."""
    if isinstance(value, list) and all(isinstance(one, str) and "=" in one for one in value):
        return dict(one.split("=", 1) for one in value)
    return texts(value)


def one_or_more(value: object) -> object:
    """Return a list for a single text."""
    return [value] if isinstance(value, str) else value


def words(value: object) -> object:
    """Return a list of texts for a list with numbers in it; a single text is refused, since no shell will split it."""
    if isinstance(value, str):
        raise ValueError("must be a list of words: no shell splits a text")  # noqa: TRY004 - pydantic wants ValueError
    return [_text(one) for one in value] if isinstance(value, list) else value


_TEXT_SCHEMA = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}

Duration = Annotated[
    float,
    BeforeValidator(seconds),
    Field(ge=0, le=MOST_SECONDS),
    Written(_durations),
    WithJsonSchema({"type": ["number", "string"], "description": "Seconds, or 30s, 1h30m, 90d."}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    Field(ge=0, le=MOST_BYTES),
    Written(_sizes),
    WithJsonSchema({"type": ["integer", "string"], "description": "Bytes, or 64M, 1.5G (powers of 1024)."}),
]
Texts = Annotated[dict[str, str], BeforeValidator(texts), WithJsonSchema(_TEXT_SCHEMA)]
Environment = Annotated[
    dict[str, str],
    BeforeValidator(environment),
    WithJsonSchema({"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": {"type": "string", "pattern": "="}}]}),
]
Words = Annotated[
    tuple[str, ...],
    BeforeValidator(words),
    WithJsonSchema({"type": "array", "items": {"type": ["string", "number", "boolean"]}}),
]
Files = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(one_or_more, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]
"""One path, or several in their order."""
