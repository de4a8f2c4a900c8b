"""Why a published port does not open: verify's own scenarios of hosts and ports, and what they find under that service.

A trace knocks at the ports from one machine, which shows on which hosts they are shut. Verify knocks from the hosts,
reads their kernels, rules and devices, and traces what is closed back to a cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.balancing.ipvs import BalancerTables
from swarmnet.verify.scenarios.control.nodes import NodesReady
from swarmnet.verify.scenarios.hosts.data_path import DataPath
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.hosts.ports import Ports
from swarmnet.verify.scenarios.mesh.ingress_network import IngressNetwork
from swarmnet.verify.scenarios.mesh.published import Published
from swarmnet.verify.scenarios.pairs.matrix import IcmpMatrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.model.state import ClusterState
    from swarmnet.model.trace import Layer
    from swarmnet.verify.scenario import Scenario

PUBLISHED = "published"
"""The layer that says on which hosts a published port does not open, and not why."""
SCENARIOS: tuple[Scenario, ...] = (
    *(NodesReady(), IngressNetwork(), Kernels(), DataPath(), HostFirewall(), Ports()),
    *(IcmpMatrix(), BalancerTables(), Published()),
)


@dataclass(frozen=True, slots=True)
class Shut:
    """Published ports of one service that do not open on some hosts."""

    service: str
    hosts: tuple[str, ...]

    @classmethod
    def of(cls, layer: Layer) -> Shut | None:
        """Return what a layer says is shut; None for any other layer."""
        service, hosts = layer.evidence.get("service"), layer.evidence.get("hosts")
        if layer.name != PUBLISHED or layer.status is not Status.FAILED or not isinstance(hosts, list):
            return None
        return cls(str(service), tuple(map(str, hosts))) if service and hosts else None

    def evidence(self) -> dict[str, JsonValue]:
        """Return it as a layer keeps it."""
        return {"service": self.service, "hosts": [*self.hosts]}

    def networks(self, state: ClusterState) -> tuple[str, ...]:
        """Return the overlays between whose hosts packets of the routing mesh take the same way: one is enough."""
        service = state.service(self.service)
        overlays = [net.spec.name for net in state.networks if net.spec.driver == "overlay" and not net.spec.ingress]
        joined = {place.network for place in (service.spec.networks or ())} if service is not None else set()
        return tuple(sorted(joined & {*overlays}))[:1] or tuple(sorted(overlays))[:1]


def shut_in(layers: Iterable[Layer]) -> tuple[Shut, ...]:
    """Return what these layers say is shut."""
    return tuple(found for layer in layers if (found := Shut.of(layer)) is not None)


def cause_of(shut: Shut, verdicts: Sequence[Verdict]) -> Verdict | None:
    """Return the finding from which it follows that a service's ports are shut there; None where verify has none.

    Args:
        shut: what does not open.
        verdicts: what verify found, with what follows from what.
    """
    mine = claims.programs(shut.service)
    for one in verdicts:
        closed, where = one.scenario == Published.name and one.status is Status.FAILED, one.evidence.get("hosts")
        if not closed or not isinstance(where, list) or not {*where} & {*shut.hosts}:
            continue
        if any(mine in needs for needs in one.needed):
            root = verdicts[one.because_of[0].verdict] if one.because_of else one
            return None if root.cause == CauseId.PORT_CLOSED else root
    tables = {claims.balancer(host, claims.MESH) for host in shut.hosts}
    wrong = next((one for one in verdicts if one.status is Status.FAILED and tables & one.broken), None)
    return verdicts[wrong.because_of[0].verdict] if wrong is not None and wrong.because_of else wrong
