"""Scenario: what the manager accepted was allocated."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import PROBE_LABEL, Level
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Setup
from swarmnet.verify.scenarios.control.nodes import ControlScenario

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict


UNALLOCATED = "new"
"""The state of a task whose addresses the managers have not allocated; without one, it stays (seen on 26.1)."""
ROOM_FIX = (
    "test fewer hosts (--limit), remove tasks or containers that you do not need, or recreate it with a larger subnet"
)
IPV6_FIX = (
    "recreate the network with IPv4 subnets only (without ipv6): engines give a service one virtual address for each"
    " network, of either family on dual-stack overlays, and balance IPv4 only; or give the service endpoint_mode dnsrr"
)


class NetworksAllocated(ControlScenario):
    """Every tested network has addresses and a VNI; the engine answers 201 for networks it then cannot allocate."""

    name: ClassVar[str] = "allocation"
    summary: ClassVar[str] = "every tested network has its subnet and VNI"
    level: ClassVar[Level] = Level.QUICK

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for all, or one for each network that waits for its allocation."""
        bad = [
            self.verdict(
                f"network {network.spec.name}",
                Status.FAILED,
                f"network {network.spec.name} was accepted but never allocated",
                "its subnet overlaps another one, or the address pool is exhausted: recreate it with a free subnet",
                cause=CauseId.NOT_ALLOCATED,
            ).model_copy(update={"broken": frozenset((claims.allocated(network.spec.name),))})
            for network in setup.networks
            if not network.allocated
        ]
        bad += self._by_ipv6(setup)
        waiting = {name: tasks for name in (*setup.crowded, *setup.tight) if (tasks := _waiting(setup, name))}
        bad += [self._full(setup, name, tasks) for name, tasks in waiting.items()]
        left_out = [self._crowded(setup, name) for name in setup.crowded if name not in waiting]
        bad += [one for one in left_out if one.status is not Status.SKIPPED]
        left_out = [one for one in left_out if one.status is Status.SKIPPED]
        left_out += [
            self.verdict(f"network {name}", Status.SKIPPED, f"no probe service on {name}: {why}", ROOM_FIX)
            for name, why in setup.tight.items()
            if name not in waiting
        ]
        if not setup.networks and not bad and not left_out:
            bad = [self.verdict("networks", Status.SKIPPED, "the swarm has no overlay network to test")]
        fine = [
            self.verdict(
                "networks",
                Status.OK,
                f"{count(len(setup.networks), 'tested network is allocated', 'tested networks are allocated')}",
            )
        ]
        return Findings((*(bad or fine[: len(setup.networks)]), *left_out))

    def _crowded(self, setup: Setup, name: str) -> Verdict:
        """Return the verdict on a network without room for probes; one that nothing uses leaves the answer as it is."""
        used = name not in setup.unused
        detail = f"{name} was not tested" + ("" if used else ", and no service or container is on it")
        status = Status.INCONCLUSIVE if used else Status.SKIPPED
        what = f"{detail}: {setup.crowded[name]}"
        return self.verdict(f"network {name}", status, what, ROOM_FIX, cause=CauseId.SUBNET_FULL)

    def _full(self, setup: Setup, name: str, tasks: dict[str, int]) -> Verdict:
        """Return the failure of a network that has no address for tasks that the managers want to run."""
        listed = ", ".join(f"{count} of {service}" for service, count in sorted(tasks.items()))
        why = {**setup.crowded, **setup.tight}[name]
        return self.verdict(
            f"network {name}",
            Status.FAILED,
            f"tasks wait for an address on {name} ({listed}), whose subnet has none left: {why}",
            "remove tasks or containers that you do not need, or recreate the network with a larger subnet: each task"
            " takes an address, each service one, and each node that has a task there one more",
            cause=CauseId.SUBNET_FULL,
        )

    def _by_ipv6(self, setup: Setup) -> list[Verdict]:
        """Return a failure for each network on which services got virtual addresses by IPv6 alone."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for service in setup.state.services:
            for name, address in service.virtual_ips.items():
                if ":" in address and PROBE_LABEL not in service.spec.labels:
                    found[name][service.spec.name] = address.partition("/")[0]
        for name, address in (setup.service.by_ipv6 if setup.service else {}).items():
            found[name]["verify's own probe service"] = address
        tested = {net.spec.name for net in setup.networks}
        return [
            self.verdict(
                f"network {name}",
                Status.FAILED,
                f"on {name} the engine gave {_listed(services)} an IPv6 virtual address only: no client reaches it,"
                " and its name resolves to nothing by IPv4",
                IPV6_FIX,
                cause=CauseId.IPV6_ONLY,
            )
            for name, services in sorted(found.items())
            if name in tested
        ]


def _waiting(setup: Setup, network: str) -> dict[str, int]:
    """Return the services on a network with the number of their tasks that no manager has given an address yet."""
    found: dict[str, int] = defaultdict(int)
    for service in setup.state.services:
        if not any(place.network == network for place in service.spec.networks or ()):
            continue
        for task in setup.state.tasks:
            if (task.service_id, task.state, task.desired_state) == (service.id, UNALLOCATED, "running"):
                found[service.spec.name] += 1
    return dict(found)


def _listed(services: dict[str, str]) -> str:
    return ", ".join(f"{service} ({address})" for service, address in sorted(services.items()))
