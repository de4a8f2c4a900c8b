"""What the engine's JSON has in common: taking it apart without loss, and exact durations."""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from functools import cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from swarmnet.model.base import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue

Noun = TypeVar("Noun", bound=Document)
Value = TypeVar("Value")

_SECOND = 1_000_000_000
_LONGEST = 2**63
"""Nanoseconds; engines count them in 64 bits."""


def nanoseconds(seconds: float) -> int:
    """Return a duration as the engine counts; exact to the nanosecond also where a float of nanoseconds is not."""
    return round(Fraction(seconds) * _SECOND)


def seconds(nanos: int) -> float:
    """Return a duration of the engine in seconds, as the nearest float."""
    return nanos / _SECOND


@cache
def _field(model: type[Document], name: str) -> TypeAdapter[object]:
    return TypeAdapter(model.model_fields[name].rebuild_annotation())


def fits(model: type[Document], name: str, value: object) -> bool:
    """Tell whether a field holds a value: the rules of what people write are narrower than what engines take."""
    try:
        _field(model, name).validate_python(value)
    except ValidationError:
        return False
    return True


def made(model: type[Noun], fields: Mapping[str, object]) -> Noun | None:
    """Return a noun with these fields, or None where one of them does not hold its value."""
    return model.model_validate(fields) if all(fits(model, name, value) for name, value in fields.items()) else None


class Parts:
    """A JSON object that is taken apart: what nobody took is left, to be kept as ``extra``.

    A part that is not of the shape asked for stays, and so does one that the field meant for it does not hold: nothing
    is lost, and no reply of an engine is too strange.
    """

    def __init__(self, value: Mapping[str, JsonValue], model: type[Document] | None = None) -> None:
        """Begin with a copy; ``model`` has the fields that are named as ``into``."""
        self._left: JsonObject = deepcopy(dict(value))
        self._model = model

    def take(self, *path: str) -> JsonValue:
        """Take and return what stands at ``path``; None when there is nothing."""
        holder = self._holder(path)
        return None if holder is None else holder.pop(path[-1], None)

    def look(self, *path: str) -> JsonValue:
        """Return what stands at ``path`` and leave it."""
        holder = self._holder(path)
        return None if holder is None else holder.get(path[-1])

    def take_text(self, *path: str, into: str | None = None) -> str | None:
        """Take a text; an empty one counts as nothing."""
        value = self.look(*path)
        return self._taken(path, value if isinstance(value, str) else None, into) or None

    def take_int(self, *path: str, into: str | None = None) -> int | None:
        """Take a whole number."""
        value = self.look(*path)
        return self._taken(path, value if isinstance(value, int) and not isinstance(value, bool) else None, into)

    def take_flag(self, *path: str, into: str | None = None) -> bool | None:
        """Take true or false."""
        value = self.look(*path)
        return self._taken(path, value if isinstance(value, bool) else None, into)

    def take_seconds(self, *path: str, into: str | None = None) -> float | None:
        """Take a duration, if a float of seconds holds it exactly."""
        value = self.look(*path)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LONGEST:
            return None
        return self._taken(path, seconds(value) if nanoseconds(seconds(value)) == value else None, into)

    def take_texts(self, *path: str, into: str | None = None) -> tuple[str, ...] | None:
        """Take a list of texts."""
        value = self.look(*path)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return None
        return self._taken(path, tuple(cast("list[str]", value)), into)

    def take_labels(self, *path: str, into: str | None = None) -> dict[str, str] | None:
        """Take a map of texts."""
        value = self.look(*path)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            return None
        return self._taken(path, cast("dict[str, str]", value), into)

    def _taken(self, path: tuple[str, ...], value: Value | None, into: str | None) -> Value | None:
        if value is None or (into is not None and self._model is not None and not fits(self._model, into, value)):
            return None
        self.take(*path)
        return value

    def rest(self) -> JsonObject:
        """Return what was not taken, without empty objects and nulls: the engine reads those as absent."""
        return pruned(self._left)

    def _holder(self, path: tuple[str, ...]) -> JsonObject | None:
        holder: JsonValue = self._left
        for key in path[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        return holder if isinstance(holder, dict) else None


def pruned(value: Mapping[str, JsonValue]) -> JsonObject:
    """Return a JSON object without nulls and without objects that hold nothing else."""
    left: JsonObject = {}
    for key, item in value.items():
        kept = pruned(item) if isinstance(item, dict) else item
        if kept is not None and kept != {}:
            left[key] = kept
    return left


def as_object(value: JsonValue) -> JsonObject:
    """Return a JSON object; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: JsonValue) -> list[JsonValue]:
    """Return a JSON list; anything else counts as an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: JsonValue) -> str:
    """Return a text; null counts as an empty one."""
    return "" if value is None else str(value)


def as_labels(value: JsonValue) -> dict[str, str]:
    """Return a map of texts; null counts as an empty one."""
    return {key: as_text(item) for key, item in as_object(value).items()}


def index_of(value: Mapping[str, JsonValue]) -> int:
    """Return an object's ``Version.Index``."""
    index = as_object(value.get("Version")).get("Index")
    return index if isinstance(index, int) and not isinstance(index, bool) else 0


def block_of(value: JsonValue) -> str:
    """Return a block of addresses in its shortest text, host bits cut; raises ``ValueError`` where it is none."""
    return ip_network(as_text(value), strict=False).compressed
