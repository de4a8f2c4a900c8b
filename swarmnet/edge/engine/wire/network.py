"""Networks in the engine's JSON and in ours. Field by field for API 1.41 to 1.55."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import as_labels, as_list, as_object, as_text
from swarmnet.model.engine_json import read, write
from swarmnet.model.network import MTU_OPTION, Network, NetworkSpec, Scope
from swarmnet.model.plan import MANAGED_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue

MTU = MTU_OPTION
VNIS = "com.docker.network.driver.overlay.vxlanid_list"
SERIAL = "com.docker.network.ipam.serial"
"""Set by the allocator on each overlay with any IPAM option (moby TestSwarmNetworkIPAMOptions)."""
_NUMBER = re.compile("[0-9]{1,10}")
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


def data_path_from_wire(seen: Mapping[str, JsonValue]) -> str | None:
    """Return the address of the engine's data path, from a verbose look at an overlay; None where it does not say.

    The hosts of an overlay tell each other where each container is: its host's data path (``Host IP``), while ``Peers``
    has the addresses of nodes. The engine's own containers are there, too (seen on 20.10, 26.1 and 28.5).
    """
    own = {as_text(as_object(one).get("EndpointID")) for one in as_object(seen.get("Containers")).values()} - {""}
    for service in as_object(seen.get("Services")).values():
        for task in map(as_object, as_list(as_object(service).get("Tasks"))):
            address = as_text(as_object(task.get("Info")).get("Host IP"))
            if as_text(task.get("EndpointID")) in own and address:
                return str(ip_address(address))
    return None


def _is_predefined(spec: NetworkSpec) -> bool:
    if spec.scope is Scope.SWARM:
        return spec.ingress is True and spec.name == "ingress" and MANAGED_LABEL not in spec.labels
    return spec.name in _OWN_LOCAL


def spec_from_wire(seen: Mapping[str, JsonValue]) -> NetworkSpec:
    """Return what a listed network, or the body that makes one, says; engines leave nothing unsaid by it."""
    body = dict(seen)
    options, ipam = as_labels(seen.get("Options")), as_object(seen.get("IPAM"))
    options.pop(VNIS, None)
    body["Options"] = dict(options)
    given = {key: value for key, value in as_labels(ipam.get("Options")).items() if key != SERIAL}
    body["IPAM"] = {**ipam, "Options": dict(given)}
    body["Labels"] = dict(as_labels(seen.get("Labels")))
    found, _ = read(NetworkSpec, body)
    return NetworkSpec.model_validate({"name": "", "driver": "", **found}).stated


_BLANK = NetworkSpec(name="", driver="")


def network_to_wire(spec: NetworkSpec) -> JsonObject:
    """Return the body that creates a network; the engine's defaults are left out.

    ``EnableIPv4`` is known from API 1.48 on, and is written only if it is false.
    """
    body = write({}, _BLANK, spec)
    if isinstance(ipam := body.get("IPAM"), dict):
        ipam.setdefault("Driver", "default")
    # Engines 20.10 to 24 allow two local networks of one name without it.
    # An engine may have a default of its own for IPv6, so that is always said.
    return {**body, "CheckDuplicate": True, "EnableIPv6": bool(spec.ipv6)}
