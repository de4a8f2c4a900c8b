"""The friendly ways to write mounts, and what no engine mounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from swarmnet.model.service_mounts import PROPAGATIONS, Mount, MountType, TmpfsOptions, VolumeOptions
from swarmnet.operations.notation import Size, Texts, Words, Written, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonValue

_DRIVE = r"[A-Za-z]:[\\/]"
_PATH = rf"(?:{_DRIVE}[^:]*|[^:]+)"
_SHORT = re.compile(rf"(?:(?P<source>{_PATH}):)?(?P<target>{_DRIVE}[^:]*|/[^:]*)(?::(?P<flags>[^:]*))?")
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_OCTAL = re.compile(r"0?[0-7]{3,4}")
_AMBIGUOUS = re.compile(r"[1-7][0-7]{2,3}")
_FORMS = "write VOLUME:/path, /host/path:/path:ro, tmpfs:/path:64M, or a mapping"
_RELATIVE = re.compile(r"\.{1,2}(?:[/\\].*)?|~.*")
_CONSISTENCIES = ("default", "consistent", "cached", "delegated")
_TEMPLATE = "{{"
_DROPPED = ("create_mountpoint", "read_only_non_recursive", "read_only_force_recursive")
"""Options of binds that engines take and forget (seen on 20.10, 26.1 and 28.5)."""


def _short(value: object) -> object:
    """Return a mount for ``SOURCE:TARGET[:OPTIONS]``."""
    if not isinstance(value, str):
        return value
    match = _SHORT.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a mount: {_FORMS}; the path in the container begins with '/'")
    source, target, flags = match["source"], match["target"], (match["flags"] or "").split(",")
    if source == "tmpfs":
        rest = [flag for flag in flags if flag]
        return {"type": "tmpfs", "target": target} | ({"tmpfs": {"size": size(rest[0])}} if rest else {})
    found: dict[str, object] = {"type": "volume", "target": target}
    if source is not None:
        found["source"] = source
        if re.match(rf"[/~.]|{_DRIVE}|\\", source):
            found["type"] = "bind"
    for flag in flags:
        found |= _flag(flag, str(found["type"]), value)
    return found


def _flag(flag: str, kind: str, value: str) -> dict[str, object]:
    if not flag:
        return {}
    if flag in ("ro", "rw"):
        return {"read_only": flag == "ro"}
    if flag in ("nocopy", "volume-nocopy") and kind == "volume":
        return {"volume": {"nocopy": True}}
    if flag in PROPAGATIONS and kind == "bind":
        return {"bind": {"propagation": flag}}
    if flag in _CONSISTENCIES:
        return {"consistency": flag}
    if flag in ("z", "Z"):
        raise ValueError(
            f"{value!r}: engines relabel no mounts of services: leave out ':{flag}', and label the path on"
            " the host for SELinux"
        )
    raise ValueError(
        f"{value!r} has the unknown option {flag!r}: write ro, rw, nocopy or a propagation such as rshared"
    )


def octal(value: object) -> object:
    """Return permissions for octal text; a number that may be meant as octal is refused."""
    if isinstance(value, int) and _AMBIGUOUS.fullmatch(str(value)):
        raise ValueError(
            f"mode {value} may be octal or decimal: write '0{value}' in quotes, or '{value:04o}' for decimal"
        )
    if not isinstance(value, str):
        return value
    if not _OCTAL.fullmatch(value):
        raise ValueError(f"{value!r} is not a mode: write it in octal, such as '1777'")
    return int(value, 8)


def _octal_words(value: int) -> Iterator[JsonValue]:
    yield f"{value:04o}"


class _Volume(VolumeOptions):
    """Options of a volume as people write them."""

    options: Texts | None = None
    labels: Texts | None = None


class _Tmpfs(TmpfsOptions):
    """Options of a file system in memory as people write them."""

    size: Size | None = None
    mode: (
        Annotated[
            int,
            BeforeValidator(octal),
            Field(ge=0, le=0o7777),
            Written(_octal_words),
            WithJsonSchema({"type": "string", "description": "Octal, such as '1777'."}),
        ]
        | None
    ) = None
    options: Words | None = None


class _Mount(Mount):
    """A mount as people write it."""

    consistency: Annotated[str, Field(pattern=f"^({'|'.join(_CONSISTENCIES)})$")] | None = None
    volume: _Volume | None = None
    tmpfs: _Tmpfs | None = None


def _sound(mount: _Mount) -> _Mount:
    """Return a mount that engines take; their own messages come late, from the task."""
    kind, source, target = mount.type, mount.source, mount.target
    if not re.match(rf"/|{_DRIVE}|\\", target) and _TEMPLATE not in target:
        raise ValueError(f"target {target!r} is not an absolute path in the container")
    if target.rstrip("/") == "":
        raise ValueError("target '/' is the container's own root: mount below it")
    for name in ("bind", "volume", "tmpfs", "image"):
        if getattr(mount, name) is not None and name != kind.value:
            raise ValueError(f"'{name}' has options of another kind: this mount is of type {kind.value}")
    for option in _DROPPED:
        if mount.bind is not None and getattr(mount.bind, option):
            raise ValueError(f"engines drop '{option}' from services without a word: leave it out")
    _source(kind, source)
    return mount


def _source(kind: MountType, source: str | None) -> None:
    if source is None:
        if kind not in (MountType.TMPFS, MountType.VOLUME):
            raise ValueError(f"a mount of type {kind.value} needs a source")
    elif kind is MountType.TMPFS:
        raise ValueError("a mount of type tmpfs has no source: leave it out")
    elif kind is MountType.BIND:
        _host_path(source)
    elif kind is MountType.VOLUME and _TEMPLATE not in source and not _VOLUME.fullmatch(source):
        raise ValueError(
            f"{source!r} is not the name of a volume: two or more letters, digits, '_', '.' and '-'; a"
            " path of the host is a mount of type bind"
        )


def _host_path(source: str) -> None:
    if _RELATIVE.fullmatch(source):
        raise ValueError(
            f"{source!r} is relative to one machine, and tasks run on many: write an absolute path that all these"
            " hosts have, or make the file a config"
        )
    if not re.match(rf"/|{_DRIVE}|\\", source) and _TEMPLATE not in source:
        raise ValueError(f"source {source!r} is not an absolute path of the host; a volume is a mount of type volume")


def _mount_words(mount: Mount) -> Iterator[JsonValue]:
    """Yield the short form where it says all."""
    if mount.type is MountType.TMPFS:
        amount = mount.tmpfs.size if mount.tmpfs is not None else None
        yield f"tmpfs:{mount.target}" + (f":{amount}" if amount else "")
        return
    source = "" if mount.source is None else f"{mount.source}:"
    flags = [] if mount.read_only is None else ["ro"] if mount.read_only else []
    flags += ["nocopy"] if mount.volume is not None and mount.volume.nocopy else []
    flags += [mount.bind.propagation] if mount.bind is not None and mount.bind.propagation else []
    yield f"{source}{mount.target}" + (f":{','.join(flags)}" if flags else "")


MountForm = Annotated[
    _Mount,
    BeforeValidator(_short, json_schema_input_type=str | _Mount),
    AfterValidator(_sound),
    Written(_mount_words),
]
