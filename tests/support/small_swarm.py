"""A swarm of one manager and two workers, and what its observers say: healthy, but for what a test changes.

The forms of all answers are those of labs with engines 20.10, 26.1 and 28.5 on a shared kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.verify.judge import judged
from swarmnet.verify.kernels import KERNEL
from swarmnet.verify.keys import WAYS
from swarmnet.verify.scenario import Answer, Answers, Setup
from tests.support.encrypted_captures import cluster, vtep
from tests.support.setups import answers as pairs
from tests.support.setups import facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Scenario

HOSTS = ("w1", "w2", "w3")
MANAGER = "w1"
NOW = 1_795_882_000.0
"""Within the time of the certificate in ``tests/verify/scenarios/node.crt``."""


def swarm(**status: str) -> Setup:
    """Return the swarm; ``status`` has the nodes that are not ready by host."""
    nodes = [
        Node(
            id=host,
            version=1,
            hostname=host,
            spec=NodeSpec(role="manager" if host == MANAGER else "worker"),
            status=status.get(host, "ready"),
            address=vtep(host),
            manager_address=f"{vtep(host)}:2377" if host == MANAGER else None,
        )
        for host in HOSTS
    ]
    seen = [facts(host, SwarmMembership(node_id=host, address=vtep(host))) for host in HOSTS]
    return replace(cluster(), state=ClusterState(hosts=tuple(seen), nodes=tuple(nodes)))


def kernel(host: str, **changed: JsonValue) -> JsonObject:
    """Return what a host's kernel says."""
    said: JsonObject = {
        "forward": 1,
        "filters": {"eth0": 0, "lo": 0},
        "devices": {vtep(host): "eth0", "127.0.0.1": "lo"},
        "macs": {vtep(host): f"0242c000020{host[1:]}", "127.0.0.1": "000000000000"},
        "tunnels": {},
        "ports": {},
        "connections": {"count": 59, "most": 262144, "drops": 0},
        "time": NOW,
    }
    return said | changed


def observed(setup: Setup, lost: Iterable[tuple[str, str]] = (), **odd: JsonObject) -> Answers:
    """Return what all probes and kernels say when directions lose all packets; ``odd`` is what some kernels change."""
    found = pairs(setup, lost, on=["plain"])
    for host in HOSTS:
        found[host, KERNEL.name] = Answer(kernel(host, **odd.get(host, {})))
        way: JsonObject = {"ok": True, "mtu": 1500, "device": "eth0", "local": vtep(host)}
        found[host, WAYS.name] = Answer({"targets": {peer: way for peer in HOSTS if peer != host}})
    return found


def bad(setup: Setup, scenarios: Sequence[Scenario], answers: Answers) -> list[Verdict]:
    """Return what is wrong, as verify shows it: causes first."""
    found = judged(setup, scenarios, answers)["verdicts"]
    return [one for one in found if one.status not in (Status.OK, Status.SKIPPED)]


def roots(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the causes of what follows from nothing else."""
    return [str(one.cause) for one in verdicts if not one.because_of]
