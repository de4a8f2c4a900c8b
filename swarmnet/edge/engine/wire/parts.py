"""What the engine's JSON has in common: taking it apart without loss."""

from __future__ import annotations

from copy import deepcopy
from ipaddress import ip_network
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue

Value = TypeVar("Value")


class Parts:
    """A JSON object that is taken apart: what is not taken is left, to be kept as ``extra``.

    A part that is not of the shape asked for stays, and so does one that the field meant for it does not hold: nothing
    is lost, and no reply of an engine is too strange.
    """

    def __init__(self, value: Mapping[str, JsonValue]) -> None:
        """Begin with a copy."""
        self._left: JsonObject = deepcopy(dict(value))

    def take(self, *path: str) -> JsonValue:
        """Take and return the value at ``path``; None when there is nothing."""
        holder = self._holder(path)
        return None if holder is None else holder.pop(path[-1], None)

    def look(self, *path: str) -> JsonValue:
        """Return the value at ``path`` and leave it."""
        holder = self._holder(path)
        return None if holder is None else holder.get(path[-1])

    def take_text(self, *path: str) -> str | None:
        """Take a text; an empty one counts as nothing."""
        value = self.look(*path)
        return self._taken(path, value if isinstance(value, str) else None) or None

    def take_labels(self, *path: str) -> dict[str, str] | None:
        """Take a map of texts."""
        value = self.look(*path)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            return None
        return self._taken(path, cast("dict[str, str]", value))

    def _taken(self, path: tuple[str, ...], value: Value | None) -> Value | None:
        if value is not None:
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
