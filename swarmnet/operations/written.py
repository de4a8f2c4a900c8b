"""Specs as people write them in playbooks: the inverse of reading a step, from the lines and forms of the fields.

What a field's own parser takes decides how its values are written: a shorter way counts only if it is read back as the
same value. So a new field needs nothing here. Its notation may name shorter ways (:class:`Written`); without, the value
is written in full. What a step says by leaving it out is left out.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from swarmnet.model.fields import EXTRA, EngineField, as_json, lines
from swarmnet.model.merge import COUNTERS
from swarmnet.model.plan import MANAGED_LABEL, RESTORE_LABEL
from swarmnet.operations.notation import Written

if TYPE_CHECKING:
    from swarmnet.model.base import Document, JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class WrittenStep:
    """One step of a playbook to be written."""

    operation: str
    """The word of the operation."""
    arguments: JsonObject
    on: tuple[str, ...] = ()
    """The hosts that it selects; none selects all."""
    together: str = ""
    """Service steps next to each other with the same word run side by side."""
    comments: tuple[str, ...] = ()
    """Sentences above it, for people."""
    muted: bool = False
    """True writes the step itself as a comment, too."""


MARKS = frozenset({MANAGED_LABEL, RESTORE_LABEL})
"""Labels that steps write by themselves."""


def written(form: type[BaseModel], spec: Document) -> JsonObject:
    """Return the arguments of a step that describes ``spec``; ``form`` is the step's class.

    Marks of swarmnet, counts of forced updates, and what engines do anyway are left out.
    """
    found: JsonObject = {}
    for name, line in lines(type(spec)).items():
        value = getattr(spec, name)
        field = type(spec).model_fields[name]
        if name == "labels":
            value = {key: text for key, text in value.items() if key not in MARKS}
        if not field.is_required():
            default = field.get_default(call_default_factory=True)
            if value is None or value == default or (not line.identity and line.same(value, None)):
                continue
        found[name] = spelled(_annotation(form, name), value)
    if EXTRA in type(spec).model_fields and (extra := telling(getattr(spec, EXTRA))):
        found[EXTRA] = extra
    return found


def spelled(annotation: Any, value: object) -> JsonValue:  # noqa: ANN401 - types are values here
    """Return a value as its annotation reads it, in the shortest way that the notation knows."""
    inner, ways = _unwrapped(annotation)
    for way in ways:
        for short in way.ways(value):
            if _reads(annotation, short, value):
                return short
    if get_origin(inner) in (Union, types.UnionType):
        return _of_union(inner, value)
    if isinstance(value, tuple | list):
        items = [one for one in get_args(inner) if one is not Ellipsis] or [Any]
        return [spelled(items[0], one) for one in value]
    if isinstance(value, BaseModel):
        return _fields(inner if isinstance(inner, type) and issubclass(inner, BaseModel) else type(value), value)
    if isinstance(value, Mapping):
        kinds = get_args(inner)
        return {str(key): spelled(kinds[1] if len(kinds) > 1 else Any, one) for key, one in value.items()}
    return as_json(value)


def telling(extra: Mapping[str, JsonValue], path: str = "") -> JsonObject:
    """Return the engine's own JSON without what is empty, counts, and what engines write down by themselves."""
    found: JsonObject = {}
    for key, value in extra.items():
        here = f"{path}{key}"
        kept = telling(value, f"{here}/") if isinstance(value, Mapping) and here not in _WHOLE else value
        says = key not in COUNTERS and kept not in (None, {}, []) and _UNSAID.get(here) != kept
        if says or (here in _WHOLE and kept is not None):
            found[key] = kept
    return found


_WHOLE = frozenset({"Mode"})
"""Objects that mean something where they are empty."""
_UNSAID: Mapping[str, JsonValue] = {
    "Name": "default",
    "TaskTemplate/Runtime": "container",
    "Raft/KeepOldSnapshots": 0,
    "Raft/LogEntriesForSlowFollowers": 500,
    "Raft/ElectionTick": 10,
    "Raft/HeartbeatTick": 1,
}
"""What each engine writes down where no one asked for it (docker 20.10 to 28.5)."""


def _fields(form: type[BaseModel], value: BaseModel) -> JsonObject:
    stated = _lines(type(value))
    found: JsonObject = {}
    for name, field in type(value).model_fields.items():
        one = getattr(value, name)
        if not field.is_required():
            default = field.get_default(call_default_factory=True)
            if one is None or one == default or (name in stated and stated[name].same(one, None)):
                continue
        found[name] = spelled(_annotation(form, name), one)
    return found


def _of_union(union: object, value: object) -> JsonValue:
    choices = [one for one in get_args(union) if one is not types.NoneType]
    fitting = [one for one in choices if _reads(one, as_json(value), value)]
    return spelled((fitting or choices)[0], value)


def _reads(annotation: Any, short: JsonValue, value: object) -> bool:  # noqa: ANN401 - as above
    """Return whether the notation reads ``short`` as ``value``."""
    try:
        return as_json(_adapter(annotation).validate_python(short)) == as_json(value)
    except ValidationError:
        return False


_ADAPTERS: dict[int, tuple[object, TypeAdapter[object]]] = {}
"""By the id of an annotation, which is kept next to it: notes of annotations need not be hashable."""


def _adapter(annotation: Any) -> TypeAdapter[object]:  # noqa: ANN401 - as above
    if id(annotation) not in _ADAPTERS:
        _ADAPTERS[id(annotation)] = annotation, TypeAdapter(annotation)
    return _ADAPTERS[id(annotation)][1]


@cache
def _annotation(form: type[BaseModel], name: str) -> Any:  # noqa: ANN401 - as above
    return form.model_fields[name].rebuild_annotation()


@cache
def _lines(model: type[BaseModel]) -> Mapping[str, EngineField]:
    """Return the lines of a part's fields; none for what is not part of the engine's JSON by itself."""
    try:
        return lines(model)
    except TypeError:
        return {}


def _unwrapped(annotation: Any) -> tuple[Any, tuple[Written, ...]]:  # noqa: ANN401 - as above
    """Return a type without its annotations, and the shorter ways that they name."""
    ways: list[Written] = []
    while get_origin(annotation) is Annotated:
        annotation, *notes = get_args(annotation)
        ways += [one for one in notes if isinstance(one, Written)]
    return annotation, tuple(ways)
