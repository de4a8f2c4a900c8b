"""What tasks may use, what their nodes reserve for them, and where their output goes. None is not managed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from pydantic import AfterValidator, Field
from typing_extensions import override

from swarmnet.model.base import Count, Document, Labels
from swarmnet.model.codecs import INTEGER, PROCESSORS, TEXT, WHOLE_OPTIONS
from swarmnet.model.engine_json import Part
from swarmnet.model.fields import Codec, EngineField

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.model.fields import Read

LEAST_MEMORY = 4 * 1024 * 1024
"""Bytes; engines take no smaller limit or reservation (swarmkit validateResources)."""
SWAP_API = "1.52"
"""The first API version with swap of services (moby#51114)."""


def at_least_the_least(value: int) -> int:
    """Return an amount of memory; one that engines refuse raises."""
    if 0 < value < LEAST_MEMORY:
        raise ValueError("is less than 4M, the least that engines take; 0 is none")
    return value


Memory = Annotated[Count, AfterValidator(at_least_the_least)]


class Generic(Codec):
    """Generic resources, a number of each kind; engines never schedule tasks that ask for named ones."""

    word = "numbers by kind"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        found: dict[str, int] = {}
        for one in value:
            kind, number = _discrete(one)
            if kind is None or number is None or kind in found:
                return None
            found[kind] = number
        return found, None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        numbers = cast("dict[str, int]", value)
        there = [kind for kind in map(_kind, present) if kind in numbers] if isinstance(present, list) else []
        kinds = dict.fromkeys([*there, *numbers])
        return [{"DiscreteResourceSpec": {"Kind": kind, "Value": numbers[str(kind)]}} for kind in kinds]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return dict(cast("dict[str, int]", value or {}))


def _discrete(one: JsonValue) -> tuple[str | None, int | None]:
    spec = one.get("DiscreteResourceSpec") if isinstance(one, dict) and len(one) == 1 else None
    if not isinstance(spec, dict) or spec.keys() - {"Kind", "Value"}:
        return None, None
    kind, number = spec.get("Kind"), spec.get("Value", 0)
    known = isinstance(kind, str) and isinstance(number, int) and not isinstance(number, bool)
    return (cast("str", kind), cast("int", number)) if known else (None, None)


def _kind(one: JsonValue) -> str | None:
    return _discrete(one)[0]


class Limits(Document):
    """What one task may use at most; 0 is without limit."""

    cpus: Annotated[Annotated[float, Field(ge=0)] | None, EngineField("Limits/NanoCPUs", PROCESSORS, 0.0)] = None
    """Processors, such as 0.5; 0 is without limit."""
    memory: Annotated[Memory | None, EngineField("Limits/MemoryBytes", INTEGER, 0)] = None
    """Bytes; 0 is without limit."""
    pids: Annotated[Count | None, EngineField("Limits/Pids", INTEGER, 0)] = None
    """Processes and threads; 0 is without limit."""
    swap: Annotated[Annotated[int, Field(ge=-1)] | None, EngineField("SwapBytes", INTEGER, since=SWAP_API)] = None
    """Bytes, with a limit of memory alone, as `docker service create --memory-swap` takes them; -1 is without limit."""
    swappiness: Annotated[
        Annotated[int, Field(ge=-1, le=100)] | None, EngineField("MemorySwappiness", INTEGER, since=SWAP_API)
    ] = None
    """How readily the kernel swaps, from 0 to 100; left out, or -1: as the host does."""


class Reservations(Document):
    """What a node must have free to run a task; 0 is nothing."""

    cpus: Annotated[Annotated[float, Field(ge=0)] | None, EngineField("NanoCPUs", PROCESSORS, 0.0)] = None
    """Processors, such as 0.5; 0 is none."""
    memory: Annotated[Memory | None, EngineField("MemoryBytes", INTEGER, 0)] = None
    """Bytes; 0 is none."""
    generic: Annotated[dict[str, Count] | None, EngineField("GenericResources", Generic())] = None
    """Generic resources that the nodes' daemon.json names, a number of each kind, such as gpu: 2."""


class Logging(Document):
    """Where the output of tasks goes."""

    driver: Annotated[str | None, EngineField("Name", TEXT)] = None
    """Log driver, such as json-file or syslog; left out, the one that the host's engine uses."""
    options: Annotated[Labels | None, EngineField("Options", WHOLE_OPTIONS, hidden=True)] = None
    """Options of the driver, such as max-size: 10m."""


class LogDriver(Part):
    """A log driver with its options: those of another driver never stay."""

    @override
    def merged(self, present: object, wanted: object) -> object:
        there, step = cast("Logging | None", present), cast("Logging", wanted)
        if there is not None and step.driver not in (None, there.driver):
            return step
        return super().merged(present, wanted)


RESERVATIONS, LIMITS, LOG_DRIVER = Part(Reservations), Part(Limits), LogDriver(Logging)
