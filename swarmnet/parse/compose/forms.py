"""The forms of values in stack files: texts that YAML took for numbers, names as lists or mappings, short syntaxes.

Values are checked here and keep the words of the file: a duration stays ``1m30s``, a size ``64M``.
"""

from __future__ import annotations

import math
import re
import shlex
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from swarmnet.operations.notation import seconds, size

_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")
_LONGEST_PLAIN = 1e21
"""Docker's own tools write larger floats with an exponent."""


def _plain_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < _LONGEST_PLAIN:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic wants ValueError
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()) else value


def _decimal(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - as above
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def _flag(value: object) -> object:
    if isinstance(value, str) and value.lower() in ("true", "false", "yes", "no", "on", "off", "y", "n"):
        return value.lower() in ("true", "yes", "on", "y")
    return value


def _duration(value: str) -> str:
    seconds(value)
    return value


def _size(value: str) -> str:
    size(value)
    return value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _names(value: object) -> object:
    """Return names in their order for a list, or a mapping whose keys they are."""
    return {str(one): None for one in value} if isinstance(value, list) else value


def _pairs(value: object) -> object:
    """Return a mapping for a list of ``NAME=value``; a name alone has no value."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return value
    pairs = [one.partition("=") for one in value]
    return {name: text if equals else None for name, equals, text in pairs}


def _words(value: object) -> object:
    """Return the words of a command that is one text, split as a shell does."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError(f"{value[:80]!r} cannot be split into words: {error}") from None


Text = Annotated[str, BeforeValidator(_plain_text)]
Number = Annotated[int, BeforeValidator(_number)]
Decimal = Annotated[float, BeforeValidator(_decimal)]
Flag = Annotated[bool, BeforeValidator(_flag), Field(strict=True)]
Duration = Annotated[Text, AfterValidator(_duration)]
Size = Annotated[Text, AfterValidator(_size)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
Words = Annotated[tuple[Text, ...], BeforeValidator(_words)]
Pairs = Annotated[dict[str, Text | None], BeforeValidator(_pairs)]
Options: TypeAlias = dict[str, Text | None]
Names: TypeAlias = Annotated[Any, BeforeValidator(_names)]


def keyed(value: object) -> object:
    """Return a mapping for a list of names."""
    return _names(value)


def filled(pairs: dict[str, str | None] | None) -> dict[str, str]:
    """Return names with their values, those without one as empty texts."""
    return {name: value or "" for name, value in (pairs or {}).items()}
