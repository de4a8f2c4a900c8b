"""Specs in the engine's JSON, field by field, with nothing lost and nothing touched that does not differ.

Reading takes what has a field; the rest is left, for ``extra``. Writing is a patch: what is there stays exactly so,
empty objects and absent defaults included, because engines compare the specs of tasks literally and restart them for a
``{}`` more or less. Names replace the engine's ids.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar, cast

from typing_extensions import override

from swarmnet.model.base import Document
from swarmnet.model.fields import EXTRA, Codec, fits, lines

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.fields import EngineField, Read

Spec = TypeVar("Spec", bound=Document)


def read(spec: type[Document], seen: Mapping[str, JsonValue]) -> tuple[dict[str, Any], JsonObject]:
    """Return the values of the fields that the JSON has, by name, and what no field took.

    A part that is not of a field's form, or that its field does not hold, stays: no reply of an engine is too strange.
    """
    left = _copied(seen)
    found: dict[str, Any] = {}
    for name, line in lines(spec).items():
        keys = _place(left, line)
        holder = None if line.outside else _holder(left, keys)
        if holder is None or keys[-1] not in holder:
            continue
        taken = line.codec.read(holder[keys[-1]])
        if taken is None or (taken[0] is not None and not fits(spec, name, taken[0])):
            continue
        if taken[0] is not None:
            found[name] = taken[0]
        _put(left, keys, None if taken[1] == {} else taken[1])
    return found, left


def write(
    present: Mapping[str, JsonValue], before: Document | None, wanted: Document, skip: Collection[str] = ()
) -> JsonObject:
    """Return ``present`` with each field of ``wanted`` that differs from ``before``; all else is as it was.

    Args:
        present: the JSON as the engine has it; empty for something new.
        before: what was read from it; None states all fields, defaults included.
        wanted: how it should be, in full.
        skip: fields to leave alone.
    """
    body = _copied(present)
    if EXTRA in type(wanted).model_fields:
        _write_extra(body, getattr(before, EXTRA, {}), getattr(wanted, EXTRA))
    for name, line in lines(type(wanted)).items():
        value = getattr(wanted, name)
        old = None if before is None else getattr(before, name)
        unchanged = value is None if before is None else line.same(old, value)
        if line.outside or unchanged or name in skip:
            continue
        keys = _place(body, line)
        holder = _holder(body, keys)
        there = None if holder is None else holder.get(keys[-1])
        _put(body, keys, line.codec.unset(there) if value is None else line.codec.write(value, there))
    return body


def absorb(spec: Spec) -> Spec:
    """Return the spec with all that has a field taken out of ``extra``, and out of mappings such as driver options.

    A backup keeps the engine's JSON of what had no field when it was taken; a later version may have given it one. A
    value that the field has already wins.
    """
    known = lines(type(spec))
    holders = [name for name, line in known.items() if line.codec.holds_fields and getattr(spec, name)]
    kept: JsonObject = deepcopy(getattr(spec, EXTRA, {}))
    for name in holders:
        _put(kept, known[name].keys, dict(getattr(spec, name)))
    if not kept:  # as for most specs of a backup
        return spec
    found, left = read(type(spec), kept)
    update: dict[str, Any] = {name: found.pop(name, {}) for name in holders}
    for name, value in found.items():
        given, default = getattr(spec, name), type(spec).model_fields[name].get_default(call_default_factory=True)
        update[name] = value if given is None or given == default else known[name].codec.merged(value, given)
    if EXTRA in type(spec).model_fields:
        update[EXTRA] = left
    changed = any(value != getattr(spec, name) for name, value in update.items())
    return spec.model_validate({**dict(spec), **update}) if changed else spec


class Part(Codec):
    """An object with fields of its own; what has none stays as it is."""

    word = "fields"

    def __init__(self, model: type[Document]) -> None:
        self.model: type[Document] = model

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, dict):
            return None
        found, left = read(self.model, value)
        return (self.model(**found) if found else None), left or None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        there = present if isinstance(present, dict) else {}
        before = self.model(**read(self.model, there)[0]) if there else None
        return write(there, before, cast("Document", value))

    @override
    def unset(self, present: JsonValue) -> JsonValue:
        return self.write(self.model(), present) or None

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        stated = value or self.model()
        return {name: line.plain(getattr(stated, name)) for name, line in lines(self.model).items()}

    @override
    def merged(self, present: object, wanted: object) -> object:
        return wanted if present is None else merged(cast("Document", present), cast("Document", wanted))


def merged(present: Spec, wanted: Document) -> Spec:
    """Return ``present`` with every managed field of ``wanted`` in its place; None is not managed, at any depth.

    A value that engines treat like the present one leaves the present one as it is.
    """
    update: dict[str, Any] = {}
    for name, line in lines(type(present)).items():
        value, there = getattr(wanted, name), getattr(present, name)
        if value is not None and value != there:
            after = line.codec.merged(there, value)
            update[name] = there if line.same(there, after) else after
    return present.model_copy(update=update)


def settled(present: Spec, wanted: Spec) -> Spec:
    """Return ``wanted`` with the present values where engines treat both alike."""
    same = {
        name: there
        for name, line in lines(type(wanted)).items()
        if line.same(there := getattr(present, name), getattr(wanted, name))
    }
    return wanted.model_copy(update=same)


def _copied(seen: Mapping[str, JsonValue]) -> JsonObject:
    """Return a copy of JSON in depth, ten times faster than ``deepcopy``, which keeps a memo of all that it saw."""
    return {key: _copy(value) for key, value in seen.items()}


def _copy(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return _copied(value)
    return [_copy(one) for one in value] if isinstance(value, list) else value


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Return whether two pieces of JSON say the same; null, empty list and empty object are one to engines."""
    return contains(one, other) and contains(other, one)


def contains(seen: JsonValue, wanted: JsonValue) -> bool:
    """Return whether all that is wanted is there."""
    if isinstance(wanted, dict) and isinstance(seen, dict):
        return all(contains(seen.get(key), value) for key, value in wanted.items())
    return seen == wanted or (seen in (None, {}, []) and wanted in (None, {}, []))


def _place(body: JsonObject, line: EngineField) -> tuple[str, ...]:
    """Return the keys that lead to a field in this body; the usual ones where it has no place for it yet."""
    return next((keys for keys in line.places if _holder(body, keys) is not None), line.keys)


def _holder(body: JsonObject, keys: tuple[str, ...]) -> JsonObject | None:
    holder: JsonValue = body
    for key in keys[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else None


def _put(body: JsonObject, keys: tuple[str, ...], value: JsonValue) -> None:
    """Set a value, or take it away where it is None, together with the objects that this empties."""
    holders = [body]
    for key in keys[:-1]:
        inner = holders[-1].get(key)
        if not isinstance(inner, dict):
            if value is None:
                return
            inner = holders[-1][key] = {}
        holders.append(inner)
    if value is not None:
        holders[-1][keys[-1]] = value
        return
    holders[-1].pop(keys[-1], None)
    for holder, inner, key in zip(reversed(holders[:-1]), reversed(holders[1:]), reversed(keys[:-1]), strict=True):
        if inner:
            return
        holder.pop(key)


def _write_extra(body: JsonObject, before: Mapping[str, JsonValue], wanted: Mapping[str, JsonValue]) -> None:
    """Write what differs in the parts without a field, in depth; lists are written whole."""
    for key in [*wanted, *(key for key in before if key not in wanted)]:
        old, new, there = before.get(key), wanted.get(key), body.get(key)
        if key == "Mode" and new is not None:  # a global job is an empty object, which means something there
            body[key] = deepcopy(new)
        if key == "Mode" or same_json(old, new):
            continue
        if isinstance(new, dict) or (new is None and isinstance(old, dict)):
            inner: JsonObject = there if isinstance(there, dict) else {}
            _write_extra(inner, old if isinstance(old, dict) else {}, new or {})
            body[key] = inner
            if not inner and new is None:
                del body[key]
        elif new is None:
            body.pop(key, None)
        else:
            body[key] = deepcopy(new)
