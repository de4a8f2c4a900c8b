"""What tasks see of volumes and of their host's files. None is not managed, at any depth."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field
from typing_extensions import override

from swarmnet.model.base import Count, Document, Flag, Labels
from swarmnet.model.codecs import FLAG, INTEGER, LABELS, TEXT, WHOLE_OPTIONS, Word
from swarmnet.model.engine_json import Part, merged, read, write
from swarmnet.model.fields import Codec, EngineField, fits, lines

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.fields import Read

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")


class MountType(StrEnum):
    """What is mounted."""

    VOLUME = "volume"
    BIND = "bind"
    TMPFS = "tmpfs"
    CLUSTER = "cluster"
    NPIPE = "npipe"
    IMAGE = "image"


MOUNT_TYPES_SINCE = {"cluster": "1.42", "image": "1.48"}
"""Older engines refuse the type: "invalid MountType"."""


class MountOptions(Codec):
    """Options of a file system in memory: ``[["noexec"], ["uid", "7"]]`` there, ``noexec`` and ``uid=7`` here."""

    word = "list of options"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        found = []
        for one in value:
            words = [word for word in one if isinstance(word, str)] if isinstance(one, list) else []
            if not isinstance(one, list) or len(words) != len(one) or len(words) not in (1, 2) or "=" in words[0]:
                return None
            found.append("=".join(words))
        return tuple(found), None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return [[*one.split("=", 1)] for one in cast("tuple[str, ...]", value)]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return self.normal(value or ())


class BindOptions(Document):
    """How a path of the host is mounted."""

    propagation: Annotated[
        Annotated[str, Field(pattern=f"^({'|'.join(PROPAGATIONS)})$")] | None,
        EngineField("Propagation", Word(PROPAGATIONS), "rprivate"),
    ] = None
    """Whether mounts below it appear on the other side: private, rprivate, shared, rshared, slave or rslave."""
    create_mountpoint: Annotated[Flag | None, EngineField("CreateMountpoint", FLAG, default=False, since="1.42")] = None
    """True creates the path on the host where it is missing; engines to 28.5 drop it from services."""
    non_recursive: Annotated[Flag | None, EngineField("NonRecursive", FLAG, default=False)] = None
    """True leaves out what is mounted below it."""
    read_only_non_recursive: Annotated[
        Flag | None, EngineField("ReadOnlyNonRecursive", FLAG, default=False, since="1.44")
    ] = None
    """True leaves what is mounted below a read-only mount writable; engines to 28.5 drop it from services."""
    read_only_force_recursive: Annotated[
        Flag | None, EngineField("ReadOnlyForceRecursive", FLAG, default=False, since="1.44")
    ] = None
    """True fails where what is below cannot be made read-only; engines to 28.5 drop it from services."""


class VolumeOptions(Document):
    """How a volume is created where it is missing, and what is mounted of it."""

    driver: Annotated[str | None, EngineField("DriverConfig/Name", TEXT)] = None
    """Volume driver; left out, local."""
    options: Annotated[Labels | None, EngineField("DriverConfig/Options", WHOLE_OPTIONS, hidden=True)] = None
    """Options of the driver, such as type: nfs."""
    labels: Annotated[Labels | None, EngineField("Labels", LABELS, hidden=True)] = None
    """Labels of a volume that is created."""
    nocopy: Annotated[Flag | None, EngineField("NoCopy", FLAG, default=False)] = None
    """True does not fill an empty volume with what the image has there."""
    subpath: Annotated[str | None, EngineField("Subpath", TEXT, "", since="1.45")] = None
    """Folder of the volume to mount in place of all of it."""


class TmpfsOptions(Document):
    """A file system in the host's memory."""

    size: Annotated[Count | None, EngineField("SizeBytes", INTEGER, 0)] = None
    """Bytes; 0 or left out is half of the host's memory."""
    mode: Annotated[Annotated[int, Field(ge=0, le=0o7777)] | None, EngineField("Mode", INTEGER, 0)] = None
    """Permissions of the folder, such as "1777"."""
    options: Annotated[tuple[str, ...] | None, EngineField("Options", MountOptions(), since="1.46")] = None
    """Options of the mount, such as noexec or uid=1000."""


class ImageOptions(Document):
    """What is mounted of an image."""

    subpath: Annotated[str | None, EngineField("Subpath", TEXT, "", since="1.48")] = None
    """Folder of the image to mount in place of all of it."""


class VolumePart(Part):
    """A volume's options: those of another driver never stay."""

    @override
    def merged(self, present: object, wanted: object) -> object:
        there, step = cast("VolumeOptions | None", present), cast("VolumeOptions", wanted)
        if there is not None and step.driver not in (None, there.driver or "local"):
            there = there.model_copy(update={"options": None})
        return super().merged(there, step)


class Mount(Document):
    """One mount in the tasks' containers."""

    target: Annotated[str, EngineField("Target", TEXT)]
    """Path in the container."""
    type: Annotated[MountType, EngineField("Type", Word(MountType, since=MOUNT_TYPES_SINCE), "volume")] = (
        MountType.VOLUME
    )
    """volume, bind, tmpfs, cluster, npipe or image."""
    source: Annotated[str | None, EngineField("Source", TEXT, "")] = None
    """Name of the volume, path on the host, or image; a volume without a name is new for each task."""
    read_only: Annotated[Flag | None, EngineField("ReadOnly", FLAG, default=False)] = None
    """True lets the tasks read only."""
    consistency: Annotated[str | None, EngineField("Consistency", TEXT, "default")] = None
    """default, consistent, cached or delegated; services never have it: engines take it and forget it."""
    bind: Annotated[BindOptions | None, EngineField("BindOptions", Part(BindOptions))] = None
    """How a path of the host is mounted."""
    volume: Annotated[VolumeOptions | None, EngineField("VolumeOptions", VolumePart(VolumeOptions))] = None
    """How a volume is created where it is missing, and what is mounted of it."""
    tmpfs: Annotated[TmpfsOptions | None, EngineField("TmpfsOptions", Part(TmpfsOptions))] = None
    """Size and permissions of a file system in memory."""
    image: Annotated[ImageOptions | None, EngineField("ImageOptions", Part(ImageOptions), since="1.48")] = None
    """What is mounted of an image."""


class Mounts(Codec):
    """Mounts by their path in the container, in any order.

    A list with a mount that has a part without a field stays whole in ``extra``.
    """

    word = "mounts"
    model = Mount

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        found = [_mount(one) for one in value]
        targets = {one.target for one in found if one is not None}
        return (tuple(found), None) if len(targets) == len(value) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        literal = {}
        for one in present if isinstance(present, list) else ():
            known = _mount(one)
            if known is not None:
                literal[known.target] = (known, cast("JsonObject", one))
        found: list[JsonValue] = []
        for mount in _of(value):
            before, there = literal.get(mount.target, (None, {}))
            found.append(write(there, before, mount))
        return found

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return {one.target: _plain(one) for one in _of(value)}

    @override
    def merged(self, present: object, wanted: object) -> object:
        there = {one.target: one for one in _of(present)}
        places = {target: place for place, target in enumerate(there)}
        ordered = sorted(_of(wanted), key=lambda one: places.get(one.target, len(places)))
        return tuple(_filled(one, there.get(one.target)) for one in ordered)


def _of(value: object) -> tuple[Mount, ...]:
    return cast("tuple[Mount, ...]", value or ())


def _mount(one: JsonValue) -> Mount | None:
    """Return a mount; None where a part of it has no field, or does not say what is mounted where."""
    if not isinstance(one, dict) or not one.get("Target"):
        return None
    found, left = read(Mount, one)
    known = "type" in found and _says_nothing(left)
    return Mount(**found) if known and all(fits(Mount, name, value) for name, value in found.items()) else None


def _says_nothing(left: JsonValue) -> bool:
    """Return whether what no field took is empty: some clients write `DriverConfig: {}`."""
    return all(map(_says_nothing, left.values())) if isinstance(left, dict) else left in (None, "", [], False)


def _plain(mount: Mount) -> JsonObject:
    """Return all that counts about a mount besides its path, without what is as engines do it anyway."""
    found: JsonObject = {}
    for name, line in lines(Mount).items():
        value = getattr(mount, name)
        if name not in ("target", "consistency") and not line.same(value, None):
            found[name] = _less(line.plain(value), line.plain(None))
    return found


def _less(value: JsonValue, usual: JsonValue) -> JsonValue:
    if not isinstance(value, dict) or not isinstance(usual, dict):
        return value
    return {key: one for key, one in value.items() if key not in usual or usual[key] != one}


def _filled(wanted: Mount, present: Mount | None) -> Mount:
    """Return a mount with those of the present one's parts that it leaves out: of the same thing, all of them."""
    if present is None:
        return wanted
    other = wanted.type is not present.type or (
        wanted.type is MountType.VOLUME and wanted.source not in (None, present.source)
    )
    if other:
        gone = {"source": None, "bind": None, "volume": None, "tmpfs": None, "image": None}
        present = present.model_copy(update=gone)
    return merged(present, wanted)


MOUNTS = Mounts()
