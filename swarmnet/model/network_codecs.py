"""The odd forms of a network in the engine's JSON: its scope, its MTU, options that count by presence, its blocks."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from swarmnet.model.base import objects_of
from swarmnet.model.codecs import Word
from swarmnet.model.fields import Codec
from swarmnet.model.subnet import Scope, Subnet

if TYPE_CHECKING:
    from pydantic import JsonValue

    from swarmnet.model.fields import Read

_NUMBER = re.compile("[0-9]{1,10}")


class ScopeWord(Word):
    """Where a network is; overlays that were created with ``global`` belong to the swarm."""

    def __init__(self) -> None:
        super().__init__(Scope)

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, str) or not value:
            return None
        return (Scope.LOCAL if value == "local" else Scope.SWARM), None


class Presence(Codec):
    """An option that counts by its presence, whatever its value."""

    word = "true or false"

    @override
    def read(self, value: JsonValue) -> Read | None:
        return True, None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return "" if value else None


class NumberText(Codec):
    """A number that is written as a text; another text stays among the options, since engines accept it (and fail)."""

    word = "whole number"

    @override
    def read(self, value: JsonValue) -> Read | None:
        known = isinstance(value, str) and _NUMBER.fullmatch(value) and str(int(value)) == value
        return (int(value), None) if known and isinstance(value, str) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return str(value)


class Blocks(Codec):
    """Blocks of addresses; none leaves the choice to the engine. Engines up to 24 show host bits, which are cut."""

    word = "subnets"

    @override
    def read(self, value: JsonValue) -> Read | None:
        objects = objects_of(value)
        return tuple(_block(one) for one in objects if one.get("Subnet")), None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return [_wire_block(one) for one in cast("tuple[Subnet, ...]", value)]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return [*sorted(block_text(one) for one in cast("tuple[Subnet, ...]", value or ()))]

    @override
    def merged(self, present: object, wanted: object) -> object:
        """Return the wanted blocks; left out, a block's parts and the blocks of another IP version stay."""
        there, asked = cast("tuple[Subnet, ...]", present or ()), cast("tuple[Subnet, ...]", wanted)
        versions = {_version(one) for one in asked}
        return (*filled(asked, there), *(one for one in there if _version(one) not in versions))


def filled(wanted: tuple[Subnet, ...], present: tuple[Subnet, ...]) -> tuple[Subnet, ...]:
    """Return the wanted blocks with what each leaves out as the present block has it."""
    there = {one.subnet: one for one in present}
    return tuple(_filled(one, there[one.subnet]) if one.subnet in there else one for one in wanted)


def _filled(wanted: Subnet, present: Subnet) -> Subnet:
    return wanted.model_copy(
        update={
            "gateway": wanted.gateway or present.gateway,
            "ip_range": wanted.ip_range or present.ip_range,
            "aux_addresses": {**present.aux_addresses, **wanted.aux_addresses},
        }
    )


def block_text(block: Subnet) -> str:
    """Return a block with its gateway, range and reserved addresses, for people."""
    details = [("gateway", block.gateway), ("range", block.ip_range)]
    reserved = [(f"reserved {name}", address) for name, address in sorted(block.aux_addresses.items())]
    return block.subnet + "".join(f" {word} {value}" for word, value in (*details, *reserved) if value is not None)


def _version(block: Subnet) -> int:
    return 6 if ":" in block.subnet else 4


def _block(seen: dict[str, JsonValue]) -> Subnet:
    reserved = seen.get("AuxiliaryAddresses")
    return Subnet(
        subnet=_cut(seen.get("Subnet")),
        gateway=str(seen.get("Gateway") or "") or None,
        ip_range=_cut(seen["IPRange"]) if seen.get("IPRange") else None,
        aux_addresses={name: str(one) for name, one in reserved.items()} if isinstance(reserved, dict) else {},
    )


def _cut(value: JsonValue) -> str:
    return ip_network(str(value), strict=False).compressed


def _wire_block(subnet: Subnet) -> dict[str, JsonValue]:
    block: dict[str, JsonValue] = {"Subnet": subnet.subnet}
    if subnet.gateway:
        block["Gateway"] = subnet.gateway
    if subnet.ip_range:
        block["IPRange"] = subnet.ip_range
    if subnet.aux_addresses:
        block["AuxiliaryAddresses"] = dict(subnet.aux_addresses)
    return block


SCOPE, PRESENCE, MTU, BLOCKS = ScopeWord(), Presence(), NumberText(), Blocks()
