"""Networks in the engine's JSON and in ours. Field by field for API 1.41 to 1.55."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import as_labels, as_list, as_object, as_text, block_of
from swarmnet.model.network import Network, NetworkSpec, Scope, Subnet
from swarmnet.model.plan import MANAGED_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue, Labels

MTU = "com.docker.network.driver.mtu"
VNIS = "com.docker.network.driver.overlay.vxlanid_list"
ENCRYPTED = "encrypted"
SERIAL = "com.docker.network.ipam.serial"
"""Set by the allocator on each overlay with any IPAM option (moby TestSwarmNetworkIPAMOptions)."""
_NUMBER = re.compile("[0-9]{1,10}")
_MTU_RANGE = range(68, 65536)
_OWN_LOCAL = frozenset({"bridge", "host", "none", "docker_gwbridge"})


def network_from_wire(seen: Mapping[str, JsonValue]) -> Network:
    """Return a network as an engine lists it.

    Until a swarm-scoped network is allocated its driver is empty, and its options are not known.
    """
    spec = spec_from_wire(seen)
    options = as_labels(seen.get("Options"))
    swarm = spec.scope is Scope.SWARM
    has_vni = VNIS in options or spec.driver != "overlay"
    return Network(
        id=as_text(seen.get("Id")),
        spec=spec,
        allocated=not swarm or (spec.driver != "" and has_vni),
        vnis=tuple(int(vni) for vni in options.get(VNIS, "").split(",") if _NUMBER.fullmatch(vni.strip())),
        # Only what a node has itself comes with containers, if none (seen on 20.10, 26.1 and 28.5).
        is_copy=swarm and isinstance(seen.get("Containers"), dict),
        predefined=_is_predefined(spec),
    )


def _is_predefined(spec: NetworkSpec) -> bool:
    if spec.scope is Scope.SWARM:
        return spec.ingress and spec.name == "ingress" and MANAGED_LABEL not in spec.labels
    return spec.name in _OWN_LOCAL


def spec_from_wire(seen: Mapping[str, JsonValue]) -> NetworkSpec:
    """Return what a listed network, or the body that makes one, says."""
    ipam = as_object(seen.get("IPAM"))
    options = as_labels(seen.get("Options"))
    options.pop(VNIS, None)
    return NetworkSpec(
        name=as_text(seen.get("Name")),
        driver=as_text(seen.get("Driver")),
        scope=_scope(as_text(seen.get("Scope"))),
        attachable=seen.get("Attachable") is True,
        internal=seen.get("Internal") is True,
        ingress=seen.get("Ingress") is True,
        encrypted=options.pop(ENCRYPTED, None) is not None,
        mtu=_take_mtu(options),
        ipv4=seen.get("EnableIPv4") is not False,
        ipv6=seen.get("EnableIPv6") is True,
        subnets=tuple(_subnets(ipam)),
        ipam_driver=as_text(ipam.get("Driver")) or "default",
        ipam_options={key: value for key, value in as_labels(ipam.get("Options")).items() if key != SERIAL},
        options=options,
        labels=as_labels(seen.get("Labels")),
        config_only=seen.get("ConfigOnly") is True,
        config_from=as_text(as_object(seen.get("ConfigFrom")).get("Network")) or None,
    )


def _scope(text: str) -> Scope | None:
    """Return the scope; overlays made with ``global`` are of the swarm."""
    if not text:
        return None
    return Scope.LOCAL if text == "local" else Scope.SWARM


def _take_mtu(options: Labels) -> int | None:
    """Take the MTU out of the options; a value that is none stays there, since engines accept it (and fail tasks)."""
    text = options.get(MTU, "")
    if _NUMBER.fullmatch(text) is None or int(text) not in _MTU_RANGE or str(int(text)) != text:
        return None
    del options[MTU]
    return int(text)


def _subnets(ipam: JsonObject) -> list[Subnet]:
    """Return the blocks; engines up to 24 echo host bits, so these are cut."""
    blocks = [as_object(block) for block in as_list(ipam.get("Config"))]
    return [
        Subnet(
            subnet=block_of(block.get("Subnet")),
            gateway=as_text(block.get("Gateway")) or None,
            ip_range=block_of(block["IPRange"]) if block.get("IPRange") else None,
            aux_addresses=as_labels(block.get("AuxiliaryAddresses")),
        )
        for block in blocks
        if block.get("Subnet")
    ]


def network_to_wire(spec: NetworkSpec) -> JsonObject:
    """Return the body that makes a network; ``EnableIPv4`` stands there only where it is false (API 1.48)."""
    body: JsonObject = {
        "Name": spec.name,
        # Engines 20.10 to 24 allow two local networks of one name without it.
        "CheckDuplicate": True,
        "Driver": spec.driver,
        "Internal": spec.internal,
        "Attachable": spec.attachable,
        "Ingress": spec.ingress,
        "EnableIPv6": spec.ipv6,
        "Options": _options(spec),
        "Labels": dict(spec.labels),
    }
    optional: JsonObject = {
        "Scope": spec.scope.value if spec.scope else None,
        "ConfigOnly": spec.config_only or None,
        "ConfigFrom": {"Network": spec.config_from} if spec.config_from else None,
        "EnableIPv4": None if spec.ipv4 else False,
        "IPAM": _ipam(spec),
    }
    body.update({key: value for key, value in optional.items() if value is not None})
    return body


def _options(spec: NetworkSpec) -> JsonObject:
    options: JsonObject = dict(spec.options)
    if spec.encrypted:
        options[ENCRYPTED] = ""
    if spec.mtu is not None:
        options[MTU] = str(spec.mtu)
    return options


def _ipam(spec: NetworkSpec) -> JsonObject | None:
    """Return the address part, or None where it says nothing: a network with ConfigFrom may have none."""
    if not spec.subnets and not spec.ipam_options and spec.ipam_driver == "default":
        return None
    blocks: list[JsonValue] = [_wire_block(subnet) for subnet in spec.subnets]
    return {"Driver": spec.ipam_driver, "Options": dict(spec.ipam_options), "Config": blocks}


def _wire_block(subnet: Subnet) -> JsonObject:
    block: JsonObject = {"Subnet": subnet.subnet}
    if subnet.gateway:
        block["Gateway"] = subnet.gateway
    if subnet.ip_range:
        block["IPRange"] = subnet.ip_range
    if subnet.aux_addresses:
        block["AuxiliaryAddresses"] = dict(subnet.aux_addresses)
    return block
