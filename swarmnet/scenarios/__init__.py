"""The scenarios of ``verify``: one file each, what to ask and how to judge the answers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.scenarios.allocation import NetworksAllocated
from swarmnet.scenarios.balance import Balance
from swarmnet.scenarios.dns_alias import Aliases
from swarmnet.scenarios.dns_container import ContainerNames
from swarmnet.scenarios.dns_service import ServiceNames
from swarmnet.scenarios.dns_tasks import TaskNames
from swarmnet.scenarios.dns_upstream import UpstreamDns
from swarmnet.scenarios.encryption import EncryptionOnTheWire
from swarmnet.scenarios.encryption_rules import EncryptionRules
from swarmnet.scenarios.endpoints import Endpoints
from swarmnet.scenarios.gossip import Gossip
from swarmnet.scenarios.hairpin import Hairpin
from swarmnet.scenarios.host_firewall import HostFirewall
from swarmnet.scenarios.host_port import HostPort
from swarmnet.scenarios.icmp import IcmpMatrix
from swarmnet.scenarios.injection import PlaintextInjection
from swarmnet.scenarios.ipsec import IpsecStates
from swarmnet.scenarios.ipvs import BalancerTables
from swarmnet.scenarios.kernels import Kernels
from swarmnet.scenarios.loss import Loss
from swarmnet.scenarios.mesh_ipv6 import MeshIpv6
from swarmnet.scenarios.mesh_tcp import MeshTcp
from swarmnet.scenarios.mesh_udp import MeshUdp
from swarmnet.scenarios.mtu import OverlayMtu
from swarmnet.scenarios.nodes import NodesReady
from swarmnet.scenarios.published import Published
from swarmnet.scenarios.subnets import SubnetOverlaps
from swarmnet.scenarios.tcp import TcpMatrix
from swarmnet.scenarios.udp import UdpMatrix
from swarmnet.scenarios.underlay_mtu import UnderlayMtu
from swarmnet.scenarios.vip import VirtualAddress

if TYPE_CHECKING:
    from swarmnet.scenarios.interface import Scenario

ALL: tuple[Scenario, ...] = (
    NodesReady(),
    NetworksAllocated(),
    SubnetOverlaps(),
    Kernels(),
    HostFirewall(),
    IcmpMatrix(),
    UdpMatrix(),
    TcpMatrix(),
    Loss(),
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
)
"""Every scenario, in the order in which it is shown."""

GROUPS: dict[str, tuple[str, ...]] = {
    "matrix": ("icmp", "udp", "tcp"),
    "dns": tuple(one.name for one in ALL if one.name.startswith("dns-")),
    "mesh": ("mesh-tcp", "mesh-udp"),
    "probe": tuple(one.name for one in ALL if one.needs_probes),
}
"""Names under which findings of several scenarios are told: also these may be chosen, each for all of its scenarios."""
