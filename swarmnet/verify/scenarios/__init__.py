"""The scenarios of ``verify``: what to ask, and how to judge the answers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify.ids import Group
from swarmnet.verify.scenarios.balancing.balance import Balance
from swarmnet.verify.scenarios.balancing.hairpin import Hairpin
from swarmnet.verify.scenarios.balancing.ipvs import BalancerTables
from swarmnet.verify.scenarios.balancing.vip import VirtualAddress
from swarmnet.verify.scenarios.control.allocation import NetworksAllocated
from swarmnet.verify.scenarios.control.nodes import NodesReady
from swarmnet.verify.scenarios.control.subnets import SubnetOverlaps
from swarmnet.verify.scenarios.encryption.injection import PlaintextInjection
from swarmnet.verify.scenarios.encryption.on_the_wire import EncryptionOnTheWire
from swarmnet.verify.scenarios.encryption.rules import EncryptionRules
from swarmnet.verify.scenarios.encryption.states import IpsecStates
from swarmnet.verify.scenarios.expected.checks import Checks
from swarmnet.verify.scenarios.expected.egress import Egress
from swarmnet.verify.scenarios.expected.isolation import Isolation
from swarmnet.verify.scenarios.expected.outside import Outside
from swarmnet.verify.scenarios.hosts.clocks import Clocks
from swarmnet.verify.scenarios.hosts.data_path import DataPath
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.hosts.gossip import Gossip
from swarmnet.verify.scenarios.hosts.identities import Identities
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.hosts.ports import Ports
from swarmnet.verify.scenarios.mesh.host_port import HostPort
from swarmnet.verify.scenarios.mesh.ingress_network import IngressNetwork
from swarmnet.verify.scenarios.mesh.ipv6 import MeshIpv6
from swarmnet.verify.scenarios.mesh.mesh import MeshScenario, MeshTcp, MeshUdp
from swarmnet.verify.scenarios.mesh.published import Published
from swarmnet.verify.scenarios.names.names import Aliases, ContainerNames, LookupScenario, ServiceNames, TaskNames
from swarmnet.verify.scenarios.names.upstream import UpstreamDns
from swarmnet.verify.scenarios.own.addresses import OwnAddresses, OwnAliases
from swarmnet.verify.scenarios.own.names import OwnNames
from swarmnet.verify.scenarios.own.nameservers import OwnNameservers
from swarmnet.verify.scenarios.own.programs import OwnPrograms
from swarmnet.verify.scenarios.own.spread import OwnSpread
from swarmnet.verify.scenarios.own.tasks import OwnTasks
from swarmnet.verify.scenarios.pairs.endpoints import Endpoints
from swarmnet.verify.scenarios.pairs.flows import Flows
from swarmnet.verify.scenarios.pairs.loss import Loss
from swarmnet.verify.scenarios.pairs.matrix import IcmpMatrix, MatrixScenario, TcpMatrix, UdpMatrix
from swarmnet.verify.scenarios.sizes.overlay import OverlayMtu
from swarmnet.verify.scenarios.sizes.underlay import UnderlayMtu

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Scenario

ALL: tuple[Scenario, ...] = (
    NodesReady(),
    NetworksAllocated(),
    SubnetOverlaps(),
    Kernels(),
    Identities(),
    Clocks(),
    DataPath(),
    HostFirewall(),
    Ports(),
    IcmpMatrix(),
    UdpMatrix(),
    TcpMatrix(),
    Loss(),
    Flows(),
    Gossip(),
    Endpoints(),
    ContainerNames(),
    Aliases(),
    ServiceNames(),
    TaskNames(),
    UpstreamDns(),
    VirtualAddress(),
    Balance(),
    Hairpin(),
    BalancerTables(),
    IngressNetwork(),
    MeshTcp(),
    MeshUdp(),
    MeshIpv6(),
    HostPort(),
    Published(),
    OverlayMtu(),
    UnderlayMtu(),
    EncryptionOnTheWire(),
    PlaintextInjection(),
    IpsecStates(),
    EncryptionRules(),
    OwnTasks(),
    OwnPrograms(),
    OwnSpread(),
    OwnNames(),
    OwnNameservers(),
    OwnAliases(),
    OwnAddresses(),
    Isolation(),
    Outside(),
    Egress(),
    Checks(),
)
"""Every scenario, in the order in which it is shown."""

GROUPS: dict[str, tuple[str, ...]] = {
    Group.MATRIX: tuple(one.name for one in ALL if isinstance(one, MatrixScenario)),
    Group.DNS: tuple(one.name for one in ALL if isinstance(one, LookupScenario | UpstreamDns)),
    Group.MESH: tuple(one.name for one in ALL if isinstance(one, MeshScenario)),
    Group.PROBE: tuple(one.name for one in ALL if one.needs_probes),
}
"""Sources of findings on several scenarios; choosing one chooses all of its scenarios."""
