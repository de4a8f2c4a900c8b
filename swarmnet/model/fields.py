"""Fields as data: where the engine keeps each field of a spec, in what form, and what a change of it costs.

Each field of a service, network or swarm carries one :class:`EngineField` in its annotation::

    sysctls: Annotated[Labels | None, EngineField("TaskTemplate/ContainerSpec/Sysctls", LABELS, effect=...)] = None

Reading and writing the engine's JSON (:mod:`swarmnet.model.engine_json`), comparing, merging, the tasks that an update
restarts, the notation of playbooks, and the reference page all come from that line. To add a field, write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, cast

from pydantic import BaseModel, TypeAdapter, ValidationError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

EXTRA = "extra"
"""The field of a spec that holds what has no field of its own."""


class Remedy(IntEnum):
    """What brings an object from what it is to what is wanted, in order of cost."""

    NONE = 0
    """Nothing: the difference is shown, and stays."""
    UPDATE = 1
    """An update in place."""
    REPLACE = 2
    """The object is removed and created again."""


class Effect(IntEnum):
    """What a change of a field does to an object, in order of cost."""

    NOTHING = 0
    """Engines cannot change it, and it is not worth a replacement: labels of a network."""
    UPDATE = 1
    """It is updated in place; tasks keep running."""
    MOVES_TASKS = 2
    """Tasks are replaced where their node no longer meets it: placement."""
    RESTARTS_TASKS = 3
    """All tasks are replaced."""
    RESTARTS_ENDPOINT = 4
    """All tasks are replaced, and an engine must be forced to do so: ports and how clients find the tasks."""
    REPLACE = 5
    """Engines cannot change it: the object is removed and created again."""

    @property
    def remedy(self) -> Remedy:
        """What brings the change about."""
        if self is Effect.NOTHING:
            return Remedy.NONE
        return Remedy.REPLACE if self is Effect.REPLACE else Remedy.UPDATE

    @property
    def restarts_tasks(self) -> bool:
        """True where tasks of a service may be replaced."""
        return self in (Effect.MOVES_TASKS, Effect.RESTARTS_TASKS, Effect.RESTARTS_ENDPOINT)


Read = tuple[object, "JsonValue"]
"""A value, and what is left of the JSON that it was read from."""


class Codec:
    """How the engine's JSON holds values of one type; this one takes them as they are."""

    word: str = "value"
    """What people call the form."""
    model: type[BaseModel] | None = None
    """What is inside, where that has fields with lines of their own."""
    named: bool = False
    """True for texts ``NAME=value``: where they are hidden, the name stays."""
    holds_fields: bool = False
    """True for a mapping that other fields may be a key of: driver options."""
    harmless: re.Pattern[str] | None = None
    """Names of a mapping whose values are shown where the field is hidden."""

    def read(self, value: JsonValue) -> Read | None:
        """Return the value and what is left of the JSON; None where the JSON is not of this form."""
        return value, None

    def write(self, value: object, present: JsonValue) -> JsonValue:  # noqa: ARG002 - parts patch what is there
        """Return the JSON for a value; ``present`` is the JSON that is there now."""
        return cast("JsonValue", value)

    def since(self, value: object) -> str | None:  # noqa: ARG002 - words tell their values apart
        """Return the first API version that knows a value; None where each engine does that knows the field."""
        return None

    def unset(self, present: JsonValue) -> JsonValue:  # noqa: ARG002 - as above
        """Return the JSON where there should be no value; None takes the key away."""
        return None

    def plain(self, value: object, default: JsonValue) -> JsonValue:
        """Return what values are compared by: equal for what engines treat alike. None means ``default``."""
        return default if value is None else self.normal(value)

    def normal(self, value: object) -> JsonValue:
        """Return the comparable form of a value."""
        return as_json(value)

    def merged(self, present: object, wanted: object) -> object:  # noqa: ARG002 - as above
        """Return the value after an update: ``wanted``, and of ``present`` what ``wanted`` leaves out."""
        return wanted


@dataclass(frozen=True, slots=True)
class Plain:
    """Marks a mapping of texts that has no line and holds no secrets; texts of all others are hidden."""


@dataclass(frozen=True, slots=True)
class EngineField:
    """The line of a field: all that is known about it besides its type and its meaning."""

    path: str
    """Keys of the engine's JSON, with ``/`` between; one that starts with ``../`` is outside of the spec."""
    codec: Codec
    default: JsonValue = None
    """What the engine does where the field is left out, as :meth:`Codec.plain` returns it."""
    effect: Effect = Effect.UPDATE
    since: str | None = None
    """The lowest API version that knows the field; None where each supported engine does."""
    hidden: bool = False
    """True where values may hold secrets: they are shown only on demand."""
    identity: bool = False
    """True for what an object is found by: it is never compared."""
    other_path: str | None = None
    """Where other objects of the same kind have it: the number of tasks of a job."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to it."""
        return _keys(self.path)

    @property
    def places(self) -> tuple[tuple[str, ...], ...]:
        """The keys that may lead to it, the usual ones first."""
        return (self.keys,) if self.other_path is None else (self.keys, _keys(self.other_path))

    @property
    def outside(self) -> bool:
        """True where it is not part of the spec that is written."""
        return self.path.startswith("../")

    def plain(self, value: object) -> JsonValue:
        """Return what values of the field are compared by."""
        return self.codec.plain(value, self.default)

    def same(self, one: object, other: object) -> bool:
        """Return whether engines treat two values alike."""
        return one == other or self.plain(one) == self.plain(other)


@cache
def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("/"))


@cache
def lines(spec: type[BaseModel]) -> Mapping[str, EngineField]:
    """Return the line of each field, in the order of the fields.

    Raises:
        TypeError: a field has no line, so nothing could read, write or compare it.
    """
    found = {}
    for name in spec.model_fields:
        line = line_of(spec, name)
        if line is not None:
            found[name] = line
        elif name != EXTRA:
            raise TypeError(f"{spec.__name__}.{name} has no EngineField: say where the engine keeps it")
    return found


def line_of(model: type[BaseModel], name: str) -> EngineField | None:
    """Return the line of a field, or None."""
    # Forms of playbooks inherit from specs and give fields other types: the line stays that of the spec.
    metadata = (one for base in _bases(model, name) for one in base.model_fields[name].metadata)
    return next((one for one in metadata if isinstance(one, EngineField)), None)


class Needed(NamedTuple):
    """A field in use, or its value, that not every engine knows."""

    field: str
    """Where it is, and what it is where that matters: ``init: true``, ``mounts.type: cluster``."""
    since: str
    """The first API version that knows it."""
    remedy: str
    """What to do instead of an upgrade."""


def needed(spec: BaseModel, prefix: str = "") -> Iterator[Needed]:
    """Yield each field in use, or value, that not every engine knows.

    A field is in use where its value is another than what engines do anyway.
    """
    for name, line in lines(type(spec)).items():
        value, path = getattr(spec, name), f"{prefix}{name}"
        parts = [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, BaseModel)]
        young = None if value is None else line.codec.since(value)
        if value is None or (line.since is None and young is None and not parts) or line.same(None, value):
            continue
        if line.since is not None:
            what = f"{path}: {str(value).lower()}" if isinstance(value, bool) else path
            yield Needed(what, line.since, f"leave {path} out")
        if young is not None:
            yield Needed(f"{path}: {value}", young, f"write another {path}")
        for one in parts:
            if described(type(one)):
                yield from needed(one, f"{path}.")


@cache
def described(part: type[BaseModel]) -> bool:
    """Return whether the fields of a spec or of a part have lines of their own."""
    return any(isinstance(one, EngineField) for field in part.model_fields.values() for one in field.metadata)


def _bases(spec: type[BaseModel], name: str) -> Iterator[type[BaseModel]]:
    """Yield the class and its bases that have the field."""
    yield from (base for base in spec.__mro__ if issubclass(base, BaseModel) and name in base.model_fields)


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[object]:
    return TypeAdapter(model.model_fields[name].rebuild_annotation())


def fits(model: type[BaseModel], name: str, value: object) -> bool:
    """Return whether a field holds a value: the rules for what people write are narrower than what engines take."""
    try:
        _adapter(model, name).validate_python(value)
    except ValidationError:
        return False
    return True


def as_json(value: object) -> JsonValue:
    """Return a value of the model as JSON."""
    if isinstance(value, BaseModel):
        return cast("JsonValue", value.model_dump(mode="json"))
    if isinstance(value, Enum):
        return cast("JsonValue", value.value)
    if isinstance(value, tuple | list):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    return cast("JsonValue", value)
