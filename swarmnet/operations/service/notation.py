"""The friendly ways to write a service's ports, networks, files, limits and policies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from swarmnet.model.service import Attachment, FileReference, PublishedPort, Resources, RestartPolicy, UpdatePolicy
from swarmnet.operations.notation import Duration, Size, Texts, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue

_PORT = re.compile(
    r"(?:(?P<published>\d+):)?(?P<target>\d+)(?:/(?P<protocol>tcp|udp|sctp))?(?:@(?P<mode>host|ingress))?"
)


def _port(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"target": value}
    if not isinstance(value, str):
        return _chosen(value)
    match = _PORT.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a port: write 8080:80, 53:53/udp, 8080:80/tcp@host or a mapping")
    parts = {key: part for key, part in match.groupdict().items() if part is not None}
    return _chosen({key: int(part) if part.isdigit() else part for key, part in parts.items()})


def _port_words(port: PublishedPort) -> Iterator[JsonValue]:
    published = "" if port.published is None else f"{port.published}:"
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    mode = "" if port.mode == "ingress" else f"@{port.mode}"
    yield f"{published}{port.target}{protocol}{mode}"


def _chosen(value: object) -> object:
    """Return a port without a published port of 0: Docker's way to leave the choice to the engine."""
    return {**value, "published": None} if isinstance(value, dict) and value.get("published") == 0 else value


def _attachment(value: object) -> object:
    if isinstance(value, str):
        return {"network": value}
    if isinstance(value, dict) and "name" in value and "network" not in value:
        return {"network": value["name"]} | {key: one for key, one in value.items() if key != "name"}
    return value


def _attachment_words(place: Attachment) -> Iterator[JsonValue]:
    yield place.network


def _file_words(file: FileReference) -> Iterator[JsonValue]:
    """Yield a file by its source alone, then what differs from the defaults, the mode in octal."""
    yield file.source
    stated = {name: value for name, value in file.model_dump(exclude_defaults=True).items() if name != "mode"}
    mode: JsonObject = {} if file.mode == _MODE else {"mode": f"{file.mode:04o}"}
    yield {name: value for name, value in stated.items() if name != "target"} | mode
    yield stated | mode


def _file(value: object, folder: str) -> object:
    filled = {"source": value} if isinstance(value, str) else value
    if not isinstance(filled, dict) or not isinstance(filled.get("source"), str):
        return filled
    mode = filled.get("mode")
    if isinstance(mode, int) and re.fullmatch(r"[1-7][0-7]{2,3}", str(mode)):
        raise ValueError(f"mode {mode} may be octal or decimal: write '0{mode}' in quotes, or '{mode:04o}' for decimal")
    if not isinstance(mode, str):
        return {"target": folder + filled["source"]} | filled
    if not re.fullmatch(r"0?[0-7]{3,4}", mode):
        raise ValueError(f"{mode!r} is not a mode: write it in octal, such as '0444'")
    return {"target": folder + filled["source"]} | filled | {"mode": int(mode, 8)}


def _config_file(value: object) -> object:
    return _file(value, "/")


def _secret_file(value: object) -> object:
    return _file(value, "")


class _Attachment(Attachment):
    options: Texts | None = None


class ResourcesForm(Resources):
    """Limits or reservations with sizes as people write them."""

    memory: Annotated[Size, Field(ge=4 * 1024 * 1024)] | None = None


class UpdateForm(UpdatePolicy):
    """An update policy with durations as people write them."""

    delay: Duration | None = None
    monitor: Duration | None = None


class RestartForm(RestartPolicy):
    """A restart policy with durations as people write them."""

    delay: Duration | None = None
    window: Duration | None = None


_MODE = FileReference.model_fields["mode"].default

PortForm = Annotated[
    PublishedPort, BeforeValidator(_port, json_schema_input_type=str | int | PublishedPort), Written(_port_words)
]
AttachmentForm = Annotated[
    _Attachment,
    BeforeValidator(_attachment, json_schema_input_type=str | dict[str, object] | _Attachment),
    Written(_attachment_words),
]
ConfigForm = Annotated[
    FileReference,
    BeforeValidator(_config_file, json_schema_input_type=str | dict[str, object]),
    Written(_file_words),
]
SecretForm = Annotated[
    FileReference,
    BeforeValidator(_secret_file, json_schema_input_type=str | dict[str, object]),
    Written(_file_words),
]
