"""The backup as a document: everything that a cluster's networks need to come back, in the typed model.

Its text is canonical JSON (UTF-8, sorted keys, no spaces, integers of any size, no NaN): equal documents have equal
bytes, so a digest of the text is a digest of the content. RFC 8785 is not used, since it refuses integers above 2^53
and a certificate's life in nanoseconds is larger.

Compatibility: the same major schema is read; fields that a newer minor added are kept in ``unknown`` and written back;
a newer major is refused (exit 14); older ones pass through :data:`MIGRATIONS`, one pure function a step.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from operator import is_
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from swarmnet.errors import SchemaError
from swarmnet.model.base import Document, Flag, JsonObject, JsonValue
from swarmnet.model.engine_json import absorb
from swarmnet.model.fields import Plain
from swarmnet.model.sources import Sources
from swarmnet.model.state import ClusterState, HostFailure

_EXTRA = "extra_forbidden"
"""What pydantic calls a field that the schema does not have."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes of UTF-16's halves, which are text in pairs only (RFC 8259, 8.2)."""

SCHEMA = (1, 1)
"""Major and minor number of what this version writes."""

Found = TypeVar("Found", bound=Document)
Migration = Callable[[JsonObject], JsonObject]


def _without_sources(tree: JsonObject) -> JsonObject:
    """Return a document of 1.0 as one of 1.1, which may have the files that made the cluster."""
    return tree | {"schema": "1.1", "sources": None}


MIGRATIONS: Mapping[tuple[int, int], tuple[tuple[int, int], Migration]] = {(1, 0): ((1, 1), _without_sources)}
"""From an older schema: the one it becomes, and how."""


class Reason(StrEnum):
    """Why a backup was taken."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    PRE_APPLY = "pre-apply"
    """Before a playbook changed the cluster."""
    PRE_RESTORE = "pre-restore"
    """Before a restore replaced what was there: ``latest`` means such a backup only where there is no other."""


SAFETY = frozenset({Reason.PRE_APPLY, Reason.PRE_RESTORE})
"""Reasons of backups that another command takes before it changes anything."""


class Completeness(Document):
    """What was asked for and did not come."""

    swarm: Flag
    """True when a manager answered for the cluster; without that, swarm networks are missing from every list."""
    hosts: tuple[str, ...]
    """Inventory names of the hosts that answered."""
    failures: tuple[HostFailure, ...] = ()
    fuzzy: tuple[str, ...] = ()
    """Objects that changed at each attempt to look, such as ``service/web``: they may be from different moments."""

    @property
    def complete(self) -> bool:
        """True when nothing is missing; what is fuzzy is not missing."""
        return self.swarm and not self.failures and bool(self.hosts)


class Loss(Document):
    """Something that this backup cannot bring back, whatever is done."""

    kind: str
    what: str
    """The object, or ``all``."""
    why: str
    instead: str
    """What happens or has to be done at a restore."""


class BackupDocument(Document):
    """One backup: readable with a key, comparable field by field."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    schema_version: str = Field(default=f"{SCHEMA[0]}.{SCHEMA[1]}", alias="schema", pattern=r"^\d{1,6}\.\d{1,6}$")
    id: str = Field(pattern="^[0-9a-f]{32}$")
    created: AwareDatetime
    tool: str
    """Name and version of what wrote it."""
    cluster: str
    """The cluster's name in the inventory."""
    cluster_id: str
    reason: Reason = Reason.MANUAL
    tags: tuple[str, ...] = ()
    completeness: Completeness
    engines: Annotated[dict[str, str], Plain()]
    """Engine version of each host that answered."""
    state: ClusterState
    losses: tuple[Loss, ...] = ()
    sources: Sources | None = None
    """The playbook that made the cluster, with its files; None where none was given (since 1.1)."""
    unknown: tuple[tuple[tuple[str | int, ...], JsonValue], ...] = Field(default=(), exclude=True)
    """Fields of a newer minor schema by their place; written back by :func:`dump`."""


def dump(document: BackupDocument) -> bytes:
    """Return the document as canonical JSON, fields of newer schemas included."""
    tree: Any = document.model_dump(mode="json", by_alias=True)
    for place, value in document.unknown:
        holder = tree
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = value
    for service in tree["state"]["services"]:
        _keep_order(service["spec"])
    return canonical(tree)


def _keep_order(spec: dict[str, Any]) -> None:
    """Move variables that are not in alphabetical order to the engine's JSON, where they are a list.

    Keys of canonical JSON are sorted. :func:`load` gives what has a field back to it, as of older backups. Names that
    no ``NAME=text`` can hold stay where they are.
    """
    env, extra = spec.get("env") or {}, spec["extra"]
    if list(env) == sorted(env) or any(not name or "=" in name for name in env):
        return
    container = extra.setdefault("TaskTemplate", {}).setdefault("ContainerSpec", {})
    container["Env"] = [f"{name}={text}" for name, text in env.items()]
    spec["env"] = None


def canonical(value: JsonValue) -> bytes:
    """Return JSON that is equal for equal values: sorted keys, no spaces, UTF-8, no NaN or infinity."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def strict_json(data: bytes) -> JsonValue:
    """Parse JSON, refusing what others would read differently: duplicate keys, NaN, half characters, other than UTF-8.

    Raises:
        SchemaError: it is not such JSON.
    """
    try:
        text = data.decode("utf-8")
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if _SURROGATE.search(text):  # no bytes hold half of a pair: what cannot be written again is not read
            canonical(value)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"the backup's text is not strict JSON: {error}") from error
    return value


def load(
    data: bytes, *, migrations: Mapping[tuple[int, int], tuple[tuple[int, int], Migration]] = MIGRATIONS
) -> BackupDocument:
    """Read a document of this schema, an older one, or a newer minor one.

    Raises:
        SchemaError: a newer major, no known way from an older one, or fields that do not fit.
    """
    tree = strict_json(data)
    if not isinstance(tree, dict):
        raise SchemaError("the backup's text is not a JSON object")
    found = schema_number(tree.get("schema"))
    while found in migrations:
        found, migrate = migrations[found]
        tree = migrate(tree)
    if found[0] != SCHEMA[0]:
        raise SchemaError(
            f"the backup has no known way from schema {found[0]}.{found[1]} to {SCHEMA[0]}.{SCHEMA[1]}",
            hint="read it with the version of swarmnet that wrote it (`backup show` names it)",
        )
    return _validated(tree, newer=found[1] > SCHEMA[1])


def schema_number(value: JsonValue) -> tuple[int, int]:
    """Return major and minor of a schema that this version can read.

    Raises:
        SchemaError: it is not ``MAJOR.MINOR``, or of a newer major.
    """
    match = re.fullmatch(r"([0-9]{1,6})\.([0-9]{1,6})", value) if isinstance(value, str) else None
    if match is None:
        raise SchemaError(f"the backup's schema is {value!r}, which is not a MAJOR.MINOR number")
    major, minor = int(match[1]), int(match[2])
    if major > SCHEMA[0]:
        raise SchemaError(
            f"the backup is of schema {value}; this version reads up to {SCHEMA[0]}.x",
            hint="update swarmnet and run the command again",
        )
    return major, minor


def _validated(tree: JsonObject, *, newer: bool) -> BackupDocument:
    try:
        unknown = _taken_out(tree) if newer else ()
        document = BackupDocument.model_validate(tree)
        return document.model_copy(update={"state": _absorbed(document.state), "unknown": unknown})
    except ValidationError as error:
        first = next((one for one in error.errors() if one["type"] != _EXTRA), error.errors()[0])
        place = ".".join(str(step) for step in first["loc"])
        raise SchemaError(f"the backup does not fit its schema: {place}: {first['msg']}") from error
    except RecursionError as error:
        raise SchemaError("the backup does not fit its schema: it is nested too deeply") from error


def _absorbed(found: Found) -> Found:
    """Return a document whose specs have in their fields what got a field after the backup was taken."""
    update: dict[str, Any] = {}
    for name, value in found:
        after: Any = value
        if isinstance(value, Document):
            after = absorb(value) if name == "spec" else _absorbed(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Document):
            parts = tuple(_absorbed(one) for one in value)
            after = value if all(map(is_, parts, value)) else parts
        if after is not value:
            update[name] = after
    return found.model_copy(update=update) if update else found


def _taken_out(tree: JsonObject) -> tuple[tuple[tuple[str | int, ...], JsonValue], ...]:
    """Take the fields that this version does not know out of the tree, and return them with their places.

    Raises:
        ValidationError: something else does not fit either.
        SchemaError: a place cannot be found again: it lies inside of a choice.
    """
    try:
        BackupDocument.model_validate(tree)
    except ValidationError as error:
        problems = error.errors()
        if any(one["type"] != _EXTRA for one in problems):
            raise
        return tuple((one["loc"], _take(tree, one["loc"])) for one in problems)
    return ()


def _take(tree: Any, place: tuple[str | int, ...]) -> JsonValue:  # noqa: ANN401 - JSON of a schema not known here
    try:
        for step in place[:-1]:
            tree = tree[step]
        value: JsonValue = tree.pop(place[-1])
    except (LookupError, TypeError, AttributeError) as error:
        text = ".".join(str(step) for step in place)
        raise SchemaError(f"the backup does not fit its schema: {text} is not known here") from error
    return value


def _without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} occurs twice in one object")
    return result


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is larger than any number that others read")
    return number


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not a JSON number")
