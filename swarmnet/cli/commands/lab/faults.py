"""``swarmnet lab break`` and ``lab heal``: options of every kind of fault, in the units that people write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

import typer

from swarmnet.cli.commands.lab.view import HostArgument, NameOption, chosen, parsed_subnet, print_status
from swarmnet.cli.options import JsonOption, grouped
from swarmnet.errors import UsageError
from swarmnet.lab import Fault, Lab
from swarmnet.lab.faults import FAMILIES


class ProtocolName(StrEnum):
    """What can be blocked."""

    TCP = "tcp"
    UDP = "udp"
    ESP = "esp"
    ICMP = "icmp"
    ALL = "all"


class TableName(StrEnum):
    """Which rules can be flushed."""

    FILTER = "filter"
    NAT = "nat"
    MANGLE = "mangle"
    RAW = "raw"


_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_KBIT = {"kbit": 1, "mbit": 1000, "gbit": 1_000_000}
_FAULTS_TOLD = "; ".join(f"{family.kind}: {family.told}" for family in FAMILIES.values()) + "."


def _kinds() -> list[str]:
    return list(FAMILIES)


FaultArgument = Annotated[str, typer.Argument(metavar="KIND", help=_FAULTS_TOLD, autocompletion=_kinds)]


@dataclass(frozen=True, slots=True)
class Target:
    """What of the traffic is meant."""

    to: Annotated[
        str | None, typer.Option("--to", metavar="HOST", help="block, fdb: the host that no longer hears HOST.")
    ] = None
    proto: Annotated[ProtocolName | None, typer.Option("--proto", help="block: what is dropped; default all.")] = None
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", help="block: destination port of tcp or udp.")
    ] = None
    network: Annotated[
        str | None, typer.Option("--network", metavar="NAME", help="fdb: name of the overlay network.")
    ] = None

    @property
    def protocol(self) -> Literal["tcp", "udp", "esp", "icmp", "all"] | None:
        """The protocol as faults name it."""
        return None if self.proto is None else self.proto.value

    def is_given(self) -> bool:
        """Tell whether any of it was said."""
        return any(option is not None for option in (self.to, self.proto, self.port, self.network))


@dataclass(frozen=True, slots=True)
class Line:
    """How bad a line is."""

    delay: Annotated[str | None, typer.Option("--delay", metavar="TIME", help="netem: such as 50ms.")] = None
    jitter: Annotated[
        str | None, typer.Option("--jitter", metavar="TIME", help="netem: how much the delay varies.")
    ] = None
    loss: Annotated[
        str | None, typer.Option("--loss", metavar="PERCENT", help="netem: share of packets, such as 5%.")
    ] = None
    duplicate: Annotated[
        str | None, typer.Option("--duplicate", metavar="PERCENT", help="netem: share that arrives twice.")
    ] = None
    corrupt: Annotated[
        str | None, typer.Option("--corrupt", metavar="PERCENT", help="netem: share that is damaged.")
    ] = None
    rate: Annotated[str | None, typer.Option("--rate", metavar="RATE", help="netem: such as 500kbit or 10mbit.")] = None


@dataclass(frozen=True, slots=True)
class State:
    """What a host shall be like."""

    mtu: Annotated[
        int | None, typer.Option("--mtu", metavar="BYTES", help="mtu: bytes of the largest packet that passes.")
    ] = None
    by: Annotated[
        str | None, typer.Option("--by", metavar="TIME", help="clock: such as 90s or 2h; behind: --by=-2h.")
    ] = None
    table: Annotated[TableName | None, typer.Option("--table", help="rules: only this table.")] = None
    like: Annotated[
        str | None, typer.Option("--like", metavar="HOST", help="machine-id: the host whose id is taken.")
    ] = None
    subnet: Annotated[
        str | None, typer.Option("--subnet", metavar="CIDR", help="second: CIDR; default 198.18.0.0/24.")
    ] = None


@dataclass(frozen=True, slots=True)
class Told:
    """Which lab, and how its status is told."""

    name: NameOption = None
    as_json: JsonOption = False

    def lab(self) -> Lab:
        """Return the lab."""
        return Lab.open(chosen(self.name))

    def status(self, lab: Lab) -> None:
        """Print what the lab looks like now."""
        print_status([lab.status()], as_json=self.as_json)


@grouped
def break_(host: HostArgument, fault: FaultArgument, target: Target, line: Line, state: State, told: Told) -> None:
    """Break a host: its power, engine, link, line, disk, rules, clock or identity. `lab heal` takes it back."""
    wanted = Fault(
        host=host,
        kind=fault,
        to=target.to,
        protocol=target.protocol or ("all" if fault == "block" else None),
        port=target.port,
        network=target.network,
        delay_ms=_milliseconds("--delay", line.delay),
        jitter_ms=_milliseconds("--jitter", line.jitter),
        loss=_percent("--loss", line.loss),
        duplicate=_percent("--duplicate", line.duplicate),
        corrupt=_percent("--corrupt", line.corrupt),
        rate_kbit=_kbit(line.rate),
        mtu=state.mtu,
        skew_s=_seconds("--by", state.by, signed=True),
        table=None if state.table is None else state.table.value,
        like=state.like,
        subnet=parsed_subnet(state.subnet, like="198.18.0.0/24"),
    )
    lab = told.lab()
    lab.break_(wanted)
    told.status(lab)


@grouped
def heal(
    target: Target,
    told: Told,
    host: Annotated[str | None, typer.Argument(metavar="HOST", help="A host of the lab.", show_default=False)] = None,
    fault: Annotated[
        str | None, typer.Argument(metavar="KIND", help="What was broken; left out: all of it.", autocompletion=_kinds)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that is broken on every host.")] = False,
) -> None:
    """Take back what was broken and wait until the hosts answer again."""
    if every == (host is not None):
        raise UsageError(
            "name a HOST, or --all for every one", hint="for example: swarmnet lab heal m1, or swarmnet lab heal --all"
        )
    if fault is None and target.is_given():
        raise UsageError(
            "--to, --proto, --port and --network choose among faults of a kind", hint="name it: block, fdb"
        )
    lab = told.lab()
    if host is not None and fault is not None:
        meant = Fault(
            host=host, kind=fault, to=target.to, protocol=target.protocol, port=target.port, network=target.network
        )
        lab.heal(meant)
    else:
        lab.heal_all(None if host is None else lab.host(host).name)
    told.status(lab)


def _milliseconds(option: str, text: str | None) -> float | None:
    seconds = _seconds(option, text)
    return None if seconds is None else seconds * 1000


def _seconds(option: str, text: str | None, *, signed: bool = False) -> float | None:
    """Read ``50ms``, ``90s``, ``2h``; a number alone is seconds."""
    return _measured(option, text, _SECONDS, plain=1.0, signed=signed, example="50ms, 90s or 2h")


def _kbit(text: str | None) -> int | None:
    value = _measured("--rate", text, {unit: float(size) for unit, size in _KBIT.items()}, example="500kbit or 10mbit")
    return None if value is None else round(value)


def _percent(option: str, text: str | None) -> float | None:
    return _measured(option, text, {"%": 1.0}, plain=1.0, example="5% or 0.5%")


def _measured(
    option: str,
    text: str | None,
    units: dict[str, float],
    *,
    example: str,
    plain: float | None = None,
    signed: bool = False,
) -> float | None:
    if text is None:
        return None
    number = re.fullmatch(rf"({'[+-]?' if signed else ''}[0-9]+(?:\.[0-9]+)?) *([a-z%]*)", text.strip().lower())
    size = None if number is None else units.get(number[2], plain if number[2] == "" else None)
    if number is None or size is None:
        raise UsageError(f"{option} {text!r} is no such measure", hint=f"write it like {example}")
    return float(number[1]) * size
