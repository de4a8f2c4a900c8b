"""Setups and answers for pure tests: a cluster of hosts, and what its probes would say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.state import ClusterState, EngineFacts, HostFacts, SwarmMembership
from swarmnet.verify.keys import ESP, HEARD
from swarmnet.verify.scenario import Answer, Answers, OverlayProbe, ProbeService, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue

NO_ESP: JsonObject = {"exit": 2, "stdout": "", "stderr": "Error: Requested AEAD algorithm not found."}


def network(name: str, *, encrypted: bool = False) -> Network:
    return Network(id=f"id-{name}", spec=NetworkSpec(name=name, attachable=True, encrypted=encrypted))


def facts(host: str, membership: SwarmMembership) -> HostFacts:
    """Return what was observed of a host with engine 28.5."""
    engine = EngineFacts(id=host, version="28.5.2", api_version="1.51", hostname=host, membership=membership)
    return HostFacts(host=host, engine=engine)


def make_setup(hosts: int = 3, networks: Iterable[Network] = (), *, down: Iterable[str] = ()) -> Setup:
    nets = tuple(networks) or (network("front"),)
    probes = tuple(
        OverlayProbe(f"w{n}", problem="no route to host")
        if f"w{n}" in down
        else OverlayProbe(
            f"w{n}", f"probe-{n}", f"alias-{n}", {net.spec.name: f"10.0.{index}.{n}" for index, net in enumerate(nets)}
        )
        for n in range(1, hosts + 1)
    )
    service = ProbeService(
        "svc", "any", {net.spec.name: "10.9.9.9" for net in nets}, {net.spec.name: ("10.0.0.50",) for net in nets}
    )
    return Setup(ClusterState(), nets, probes, service)


def answers(
    cluster: Setup,
    broken: Iterable[tuple[str, str]] = (),
    *,
    on: Iterable[str] = (),
    esp: JsonObject | None = None,
) -> Answers:
    """Return what the probes say when ``broken`` directions lose every packet on the networks ``on`` (none: all)."""
    lost, nets = set(broken), set(on)
    found: Answers = {}
    for net in cluster.networks:
        name = net.spec.name
        cut = lost if not nets or name in nets else set()
        for kind in ("icmp", "udp", "tcp"):
            for source in cluster.ready:
                targets: dict[str, JsonValue] = {
                    target.host: _outcome({(source.host, target.host), (target.host, source.host)} & cut, target.host)
                    for target in cluster.ready
                    if target != source
                }
                found[source.host, f"{kind}/{name}"] = Answer({"targets": targets})
        for listener in cluster.ready:
            log = found.setdefault((listener.host, HEARD.name), Answer({"heard": {}})).value["heard"]
            assert isinstance(log, dict)
            log[name] = {s.host: 1 for s in cluster.ready if s != listener and (s.host, listener.host) not in cut}
    if esp is not None:
        found |= {(probe.host, ESP.name): Answer(esp) for probe in cluster.ready}
    return found


def _outcome(broken: set[tuple[str, str]], who: str) -> JsonObject:
    if broken:
        return {"ok": False, "why": "no answer", "tries": 9}
    return {"ok": True, "why": "", "tries": 1, "ms": 0.5, "id": who}
