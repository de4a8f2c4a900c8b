"""A text planted into every place of a document that holds text: names, labels, keys of mappings, lists."""

from __future__ import annotations

from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


def planted(value: T, text: str) -> T:
    """Return the value with ``text`` in each of its texts; what is chosen from a list (enumerations) stays."""
    found: Any = _planted(value, text)
    result: T = found
    return result


def _planted(value: Any, text: str) -> Any:  # noqa: ANN401 - any part of any document
    if isinstance(value, BaseModel):
        fixed = {"kind"}
        fields = [name for name in type(value).model_fields if name not in fixed]
        return value.model_copy(update={name: _planted(getattr(value, name), text) for name in fields})
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return f"{value[:3]}{text}"
    if isinstance(value, dict):
        return {f"{key}{text}": _planted(inner, text) for key, inner in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return type(value)(_planted(inner, text) for inner in value)
    return value
