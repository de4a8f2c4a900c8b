"""The friendly ways to write a service's ports, networks, files, limits and policies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from swarmnet.model.base import Count
from swarmnet.model.service import (
    Attachment,
    FileReference,
    Limits,
    Logging,
    Platform,
    PublishedPort,
    Reservations,
    RestartPolicy,
    UpdatePolicy,
)
from swarmnet.model.service_resources import at_least_the_least
from swarmnet.operations.notation import MOST_BYTES, Duration, Size, Texts, Written, size

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


def _swap(value: object) -> object:
    return -1 if value in (-1, "-1") else size(value)


_Memory = Annotated[Size, AfterValidator(at_least_the_least)]
_SWAP_SCHEMA = {"type": ["integer", "string"], "description": "Bytes, or 64M, 1.5G; -1 is without limit."}


class LimitsForm(Limits):
    """Limits with sizes as people write them."""

    memory: _Memory | None = None
    swap: Annotated[int, BeforeValidator(_swap), Field(ge=-1, le=MOST_BYTES), WithJsonSchema(_SWAP_SCHEMA)] | None = (
        None
    )


def _generic(value: object) -> object:
    """Refuse names of resources, which engines choose, and none of a kind: such tasks stay pending."""
    for kind, number in value.items() if isinstance(value, dict) else ():
        if isinstance(number, list):
            raise ValueError(f"{kind}: write how many, such as {len(number)}: engines choose which of them a task gets")  # noqa: TRY004 - pydantic wants ValueError
        if number == 0 and not isinstance(number, bool):
            raise ValueError(f"{kind}: tasks that ask for 0 never start: leave the kind out")
    return value


_Generic = Annotated[dict[str, Count], BeforeValidator(_generic)]


class ReservationsForm(Reservations):
    """Reservations with sizes as people write them."""

    memory: _Memory | None = None
    generic: _Generic | None = None


class LoggingForm(Logging):
    """A log driver with options as people write them."""

    options: Texts | None = None


def _platform(value: object) -> object:
    if not isinstance(value, str):
        return value
    os, slash, architecture = value.partition("/")
    if not slash or not os or not architecture or "/" in architecture:
        raise ValueError(f"{value!r} is not a platform: write OS/ARCHITECTURE, such as linux/amd64")
    return {"os": os, "architecture": architecture}


def _platform_words(value: Platform) -> Iterator[JsonValue]:
    yield f"{value.os}/{value.architecture}"


PlatformForm = Annotated[
    Platform, BeforeValidator(_platform, json_schema_input_type=str | Platform), Written(_platform_words)
]


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
