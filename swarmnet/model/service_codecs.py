"""The odd forms of a service in the engine's JSON: its mode, and lists of ports, networks and files.

A list counts as known only when all its entries are: one with a strange entry (a config without a file, as credential
specs need it) stays whole in ``extra``, so that what is written back is what was read.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from typing_extensions import override

from swarmnet.model.base import objects_of
from swarmnet.model.engine_json import read, write
from swarmnet.model.fields import Codec, fits
from swarmnet.model.service_parts import (
    Attachment,
    FileReference,
    Protocol,
    PublishedPort,
    PublishMode,
    ServiceMode,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.fields import Read

Entry = TypeVar("Entry", Attachment, PublishedPort, FileReference)


_MODES: Mapping[str, tuple[ServiceMode, frozenset[str]]] = {
    "Replicated": (ServiceMode.REPLICATED, frozenset({"Replicas"})),
    "Global": (ServiceMode.GLOBAL, frozenset()),
    "ReplicatedJob": (ServiceMode.REPLICATED_JOB, frozenset({"TotalCompletions", "MaxConcurrent"})),
    "GlobalJob": (ServiceMode.GLOBAL_JOB, frozenset()),
}
"""The engine's keys with the modes, and the numbers that are fields of their own."""
_KEYS = {mode: key for key, (mode, _numbers) in _MODES.items()}


class Mode(Codec):
    """How many tasks there are; the numbers are fields of their own."""

    word = "mode"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, dict) or len(value) != 1:
            return None
        ((key, inner),) = value.items()
        if key not in _MODES or not isinstance(inner, dict | None):
            return None
        mode, numbers = _MODES[key]
        return (mode, value if inner else None) if (inner or {}).keys() <= numbers else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        key = _KEYS[ServiceMode(str(value))]
        there = present.get(key) if isinstance(present, dict) else None
        return {key: there if isinstance(there, dict) else {}}


class Entries(Codec, Generic[Entry]):
    """A list of objects that are known by a key."""

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        entries = [self.entry(dict(one)) if isinstance(one, dict) else None for one in value]
        return None if None in entries else (tuple(entries), None)

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        there = {self.key(known): (known, one) for known, one in self._known(present)}
        found: list[JsonValue] = []
        for one in self.of(value):
            known, literal = there.get(self.key(one), (None, None))
            same = known is not None and self.shown(known) == self.shown(one)
            found.append(literal if same else self.json(one))
        return found

    def _known(self, present: JsonValue) -> list[tuple[Entry, JsonObject]]:
        objects = objects_of(present)
        return [(known, one) for one in objects if (known := self.entry(dict(one))) is not None]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return {str(self.key(one)): self.shown(one) for one in self.of(value)}

    @override
    def merged(self, present: object, wanted: object) -> object:
        there = {self.key(one): one for one in self.of(present)}
        return tuple(self.filled(one, there.get(self.key(one))) for one in self.of(wanted))

    def of(self, value: object) -> tuple[Entry, ...]:
        """Return the entries of a value."""
        return cast("tuple[Entry, ...]", value or ())

    @abstractmethod
    def key(self, entry: Entry) -> object:
        """Return what the entry is known by."""

    @abstractmethod
    def shown(self, entry: Entry) -> JsonValue:
        """Return all else that counts about an entry."""

    @abstractmethod
    def entry(self, seen: JsonObject) -> Entry | None:
        """Return an entry; None where a part of it has no field."""

    @abstractmethod
    def json(self, entry: Entry) -> JsonObject:
        """Return an entry as the engine takes it."""

    def filled(self, wanted: Entry, present: Entry | None) -> Entry:
        """Return an entry with those of the present one's parts that it leaves out."""
        if present is None:
            return wanted
        left_out = {name: getattr(present, name) for name, value in wanted if value is None}
        filled = wanted.model_copy(update=left_out)
        return present if self.shown(present) == self.shown(filled) else filled


class Attachments(Entries[Attachment]):
    """Networks by name, with the service's names there."""

    word = "networks"
    model = Attachment

    @override
    def key(self, entry: Attachment) -> object:
        return entry.network

    @override
    def shown(self, entry: Attachment) -> JsonValue:
        return {"aliases": [*sorted(entry.aliases or ())], "options": {**(entry.options or {})}}

    @override
    def entry(self, seen: JsonObject) -> Attachment | None:
        fields, left = read(Attachment, seen)
        return _made(Attachment, fields, left) if "network" in fields else None

    @override
    def json(self, entry: Attachment) -> JsonObject:
        return write({}, None, entry)


class Ports(Entries[PublishedPort]):
    """Published ports."""

    word = "ports"

    @override
    def key(self, entry: PublishedPort) -> object:
        return entry.published, entry.target, entry.protocol, entry.mode

    @override
    def shown(self, entry: PublishedPort) -> JsonValue:
        return entry.name or None

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return [*sorted(port_text(one) for one in self.of(value))]

    @override
    def entry(self, seen: JsonObject) -> PublishedPort | None:
        fields = {
            "target": seen.pop("TargetPort", None),
            "published": seen.pop("PublishedPort", None) or None,
            "protocol": seen.pop("Protocol", None) or Protocol.TCP.value,
            "mode": seen.pop("PublishMode", None) or PublishMode.INGRESS.value,
            "name": seen.pop("Name", None) or None,
        }
        return _made(PublishedPort, fields, seen)

    @override
    def json(self, entry: PublishedPort) -> JsonObject:
        body: JsonObject = {
            "Protocol": entry.protocol.value,
            "TargetPort": entry.target,
            "PublishMode": entry.mode.value,
        }
        if entry.published is not None:
            body["PublishedPort"] = entry.published
        if entry.name is not None:
            body["Name"] = entry.name
        return body


class Files(Entries[FileReference]):
    """Configs or secrets that tasks see as files, by the files' paths in the container."""

    word = "files"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    @override
    def key(self, entry: FileReference) -> object:
        # Engines take a relative path from the root for configs, and from their own folder for secrets.
        if self._kind == "Secret":
            return entry.target.removeprefix("/run/secrets/")
        return entry.target if entry.target.startswith("/") else f"/{entry.target}"

    @override
    def shown(self, entry: FileReference) -> JsonValue:
        return f"{entry.source} {entry.uid}:{entry.gid} {entry.mode:04o}"

    @override
    def entry(self, seen: JsonObject) -> FileReference | None:
        seen.pop(f"{self._kind}ID", None)
        file = seen.pop("File", None)
        if not isinstance(file, dict):
            return None
        place = dict(file)
        fields = {
            "source": seen.pop(f"{self._kind}Name", None),
            "target": place.pop("Name", None),
            "uid": place.pop("UID", None) or "0",
            "gid": place.pop("GID", None) or "0",
            "mode": place.pop("Mode", None) or 0,
        }
        return _made(FileReference, fields, seen | place)

    @override
    def json(self, entry: FileReference) -> JsonObject:
        file: JsonObject = {"Name": entry.target, "UID": entry.uid, "GID": entry.gid, "Mode": entry.mode}
        return {f"{self._kind}Name": entry.source, "File": file}


def port_text(port: PublishedPort) -> str:
    """Return a port as people write it: ``8080:80/tcp``, with ``@host`` for host mode, and its name, if it has one."""
    front = "" if port.published is None else f"{port.published}:"
    end = ("@host" if port.mode is PublishMode.HOST else "") + (f" ({port.name})" if port.name else "")
    return f"{front}{port.target}/{port.protocol}{end}"


def _made(model: type[Entry], fields: Mapping[str, Any], left: JsonObject) -> Entry | None:
    """Return an entry, or None where something is left, or a field does not hold its value."""
    known = not any(value not in (None, {}) for value in left.values())
    return model(**fields) if known and all(fits(model, name, value) for name, value in fields.items()) else None


MODE, ATTACHMENTS, PORTS = Mode(), Attachments(), Ports()
CONFIGS, SECRETS = Files("Config"), Files("Secret")
