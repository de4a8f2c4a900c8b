"""An engine's facts and its containers in the engine's JSON and in ours."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import as_labels, as_list, as_object, as_text
from swarmnet.model.engine_json import write
from swarmnet.model.state import SERVICE_LABEL, Container, Endpoint, EngineFacts, SwarmMembership, SwarmStanding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.ports import ContainerSpec

_OWN = frozenset({"bridge", "host", "none"})


def facts_from_wire(
    info: Mapping[str, JsonValue], api_version: str, *, asked_at: datetime | None = None
) -> EngineFacts:
    """Return what ``GET /info`` says; ``asked_at`` is the time of this machine when the engine answered."""
    return EngineFacts(
        id=as_text(info.get("ID")),
        version=as_text(info.get("ServerVersion")).partition("+")[0],
        api_version=api_version,
        hostname=as_text(info.get("Name")),
        kernel=as_text(info.get("KernelVersion")),
        os=as_text(info.get("OperatingSystem")),
        architecture=as_text(info.get("Architecture")),
        labels=dict(as_text(label).partition("=")[::2] for label in as_list(info.get("Labels"))),
        live_restore=info.get("LiveRestoreEnabled") is True,
        rootless=any(as_text(one).startswith("name=rootless") for one in as_list(info.get("SecurityOptions"))),
        firewall=as_text(as_object(info.get("FirewallBackend")).get("Driver")),
        data_root=as_text(info.get("DockerRootDir")) or "/var/lib/docker",
        ahead=None if asked_at is None else _ahead(as_text(info.get("SystemTime")), asked_at),
        membership=membership_from_wire(as_object(info.get("Swarm"))),
    )


def _ahead(said: str, asked_at: datetime) -> float | None:
    """Return the seconds between an engine's time and this machine's; None where the engine's cannot be read."""
    try:
        return round((datetime.fromisoformat(said) - asked_at).total_seconds(), 3)
    except (ValueError, TypeError, OverflowError):  # no time, or one without a zone
        return None


def membership_from_wire(swarm: Mapping[str, JsonValue]) -> SwarmMembership:
    """Return how an engine takes part in its swarm.

    ``ControlAvailable`` stays true on a manager without a quorum; the error next to it says that it does not answer.
    """
    managers = [as_object(manager) for manager in as_list(swarm.get("RemoteManagers"))]
    error = as_text(swarm.get("Error"))
    word = as_text(swarm.get("LocalNodeState")) or SwarmStanding.INACTIVE.value
    if word not in list(SwarmStanding):
        # Neither in a swarm nor free of one, for all that is known: nothing may be done to it.
        word, error = (
            SwarmStanding.ERROR.value,
            f"its engine calls this {word!r}, which is not known here; {error}".rstrip("; "),
        )
    return SwarmMembership(
        state=SwarmStanding(word),
        node_id=as_text(swarm.get("NodeID")),
        cluster_id=as_text(as_object(swarm.get("Cluster")).get("ID")),
        address=as_text(swarm.get("NodeAddr")),
        is_manager=swarm.get("ControlAvailable") is True and not error,
        managers=tuple(as_text(manager.get("Addr")) for manager in managers),
        members=tuple((as_text(manager.get("NodeID")), as_text(manager.get("Addr"))) for manager in managers),
        error=error,
    )


def container_from_wire(seen: Mapping[str, JsonValue]) -> Container:
    """Return a container as an engine lists it."""
    labels = as_labels(seen.get("Labels"))
    networks = as_object(as_object(seen.get("NetworkSettings")).get("Networks"))
    names = [as_text(name).removeprefix("/") for name in as_list(seen.get("Names"))]
    return Container(
        id=as_text(seen.get("Id")),
        # With legacy links a container is listed under the names of others, too: theirs have a second slash.
        name=next((name for name in names if "/" not in name), ""),
        image=as_text(seen.get("Image")),
        running=as_text(seen.get("State")) in ("running", "paused"),
        condition=as_text(seen.get("State")),
        labels=labels,
        endpoints=tuple(_endpoint(name, as_object(entry)) for name, entry in networks.items()),
        service=labels.get(SERVICE_LABEL),
        volumes=tuple(filter(None, (_volume(as_object(one)) for one in as_list(seen.get("Mounts"))))),
    )


def _volume(mount: Mapping[str, JsonValue]) -> str:
    return as_text(mount.get("Name")) if mount.get("Type") == "volume" else ""


def networks_of(seen: Mapping[str, JsonValue]) -> frozenset[str]:
    """Return the ids of the networks that a listed container is on."""
    networks = as_object(as_object(seen.get("NetworkSettings")).get("Networks"))
    return frozenset(as_text(as_object(entry).get("NetworkID")) for entry in networks.values())


def needs_inspect(seen: Mapping[str, JsonValue]) -> bool:
    """Return whether the list leaves out aliases and addresses that were requested on a user's network."""
    networks = as_object(as_object(seen.get("NetworkSettings")).get("Networks"))
    return SERVICE_LABEL not in as_labels(seen.get("Labels")) and bool(set(networks) - _OWN)


def container_from_inspect(listed: Container, seen: Mapping[str, JsonValue]) -> Container:
    """Return a listed container with the endpoints that inspect shows, less what the engine added to them."""
    networks = as_object(as_object(seen.get("NetworkSettings")).get("Networks"))
    added = {listed.id[:12], listed.name}
    found = [_endpoint(name, as_object(entry)) for name, entry in networks.items()]
    endpoints = tuple(
        endpoint.model_copy(update={"aliases": tuple(alias for alias in endpoint.aliases if alias not in added)})
        for endpoint in found
    )
    mac = as_text(as_object(seen.get("Config")).get("MacAddress")) or None
    if mac is not None:
        # It was asked for on the network that the container was created on.
        first = as_text(as_object(seen.get("HostConfig")).get("NetworkMode"))
        endpoints = tuple(
            one.model_copy(update={"mac": mac})
            if len(endpoints) == 1 or first in (one.network, one.network_id)
            else one
            for one in endpoints
        )
    return listed.model_copy(update={"endpoints": endpoints})


def _endpoint(network: str, entry: JsonObject) -> Endpoint:
    """Read one endpoint; the MAC address is the one in use, so it is not reported as a requested one.

    On a swarm-scoped network the engine notes the address that the managers chose as if it had been asked for
    (seen on 20.10, 26.1 and 28.5), so ``ipv4`` is always set there.
    """
    asked = as_object(entry.get("IPAMConfig"))
    return Endpoint(
        network=network,
        network_id=as_text(entry.get("NetworkID")),
        aliases=tuple(as_text(alias) for alias in as_list(entry.get("Aliases"))),
        ipv4=as_text(asked.get("IPv4Address")) or None,
        ipv6=as_text(asked.get("IPv6Address")) or None,
        options=as_labels(entry.get("DriverOpts")),
        gateway_priority=_number(entry.get("GwPriority")),
        hardware=as_text(entry.get("MacAddress")),
        address=as_text(entry.get("IPAddress")) or as_text(entry.get("GlobalIPv6Address")),
    )


def _number(value: JsonValue) -> int | None:
    """Return a number other than 0, which is how engines say that none was asked for."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def endpoint_to_wire(endpoint: EndpointSpec) -> JsonObject:
    """Return what create and connect take for one network."""
    return write({}, None, endpoint)


def container_to_wire(spec: ContainerSpec) -> JsonObject:
    """Return the body that makes a container on its first network (one a request is what engines up to 24 take).

    A container that names no network gets none. One on the network of the host or of another container gets no
    capability but those named.
    """
    first = spec.endpoints[0].network if spec.endpoints else None
    others = f"container:{spec.network_of}" if spec.network_of else "host" if spec.host_network else ""
    host: JsonObject = {"NetworkMode": others or first or "none", "CapAdd": list(spec.capabilities)}
    if others:
        host |= {"CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
    body: JsonObject = {
        "Image": spec.image,
        "Entrypoint": list(spec.argv[:1]),
        "Cmd": list(spec.argv[1:]),
        "Labels": dict(spec.labels),
        "HostConfig": host,
    }
    if spec.interactive:
        body |= {"OpenStdin": True}
        # What is said in dialogues does not belong into the host's own logs, wherever those go by default.
        host["LogConfig"] = {"Type": "json-file", "Config": {"max-size": "1m"}}
    if first is not None and not others:
        body["NetworkingConfig"] = {"EndpointsConfig": {first: endpoint_to_wire(spec.endpoints[0].spec)}}
    return body
