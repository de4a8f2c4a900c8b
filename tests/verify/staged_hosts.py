"""Failure modes of the hosts and of the network between them: one manager and two workers with a plain overlay.

``python -m tests.verify.staged_hosts MODE...`` brings such a lab up, stages each, and records what verify saw. What
needs a kernel of its own is broken on ``m3``, which then has one.
"""

from __future__ import annotations

import sys
from typing import Literal

from swarmnet.lab import Fault, Lab, LabSpec
from tests.support.commands import docker
from tests.support.labs import fresh_name
from tests.support.live_verify import inventory
from tests.verify.staged import Staged

NETWORK = "front"
PAIRS = ("icmp", "udp", "tcp")


def block(source: str, target: str, protocol: str, port: int) -> Fault:
    """Return the fault that drops what goes to a port."""
    return Fault.model_validate(
        {"host": source, "kind": "block", "options": {"to": target, "protocol": protocol, "port": port}}
    )


AROUND = [way for other in ("m1", "m2") for way in (("m3", other), (other, "m3"))]
UNDERLAY = (
    Staged("F01", "underlay", ("m1", "m2"), ("firewall", *PAIRS), (NETWORK,), faults=(block("m1", "m2", "udp", 4789),)),
    Staged(
        "F02",
        "gossip-tcp",
        ("m1", "m2", "m3"),
        ("ports", "gossip", "firewall", "dns-container", *PAIRS),
        (NETWORK,),
        faults=tuple(block(*way, protocol, 7946) for way in AROUND for protocol in ("tcp", "udp")),
    ),
    Staged(
        "F03", "gossip-udp", ("m1", "m3"), ("ports", "gossip"), (NETWORK,), faults=(block("m3", "m1", "udp", 7946),)
    ),
    Staged(
        "F04", "orders-blocked", ("m1", "m3"), ("nodes", "ports"), (NETWORK,), faults=(block("m3", "m1", "tcp", 2377),)
    ),
    Staged(
        "F09",
        "outer-source",
        ("m3",),
        ("kernels", "identities", *PAIRS),
        (NETWORK,),
        breaks={"m3": "ip address add $M9/24 dev eth0; ip route replace ${M3%.*}.0/24 dev eth0 src $M9"},
        heals={"m3": "ip route replace ${M3%.*}.0/24 dev eth0 src $M3; ip address del $M9/24 dev eth0"},
    ),
    Staged(
        "F12",
        "machine-id",
        ("m2", "m3"),
        ("kernels", "identities"),
        (NETWORK,),
        faults=(Fault(host="m3", kind="machine-id", options={"like": "m2"}),),
    ),
    Staged(
        "F15",
        "mtu-option",
        (),
        ("mtu", "underlay-mtu"),
        ("odd",),
        breaks={"m1": "docker network create -d overlay --attachable -o com.docker.network.driver.mtu=1450 odd"},
        heals={"m1": "docker network rm odd"},
    ),
    Staged(
        "F23",
        "leftover-vxlan",
        ("m3",),
        ("kernels", "data-path"),
        (NETWORK,),
        breaks={"m3": "ip link add vx-001001-abcde type vxlan id 4097 dstport 4789"},
        heals={"m3": "ip link delete vx-001001-abcde"},
    ),
    Staged(
        "F30",
        "data-path-taken",
        ("m3",),
        ("kernels", "data-path"),
        (NETWORK,),
        breaks={"m3": "ip link add vxlan.calico type vxlan id 4097 dstport 4789 dev eth0"},
        heals={"m3": "ip link delete vxlan.calico"},
    ),
    Staged(
        "F63",
        "rp-filter",
        ("m3",),
        ("kernels", *PAIRS),
        (NETWORK,),
        breaks={
            "m2": "sysctl -w net.ipv4.conf.eth1.rp_filter=0 net.ipv4.conf.all.rp_filter=0",
            "m3": "sysctl -w net.ipv4.conf.eth0.rp_filter=1; ip route add $M2/32 via 198.18.0.12 dev eth1 src $M3",
        },
        heals={"m3": "ip route del $M2/32; sysctl -w net.ipv4.conf.eth0.rp_filter=0"},
        faults=(Fault(host="m2", kind="second"), Fault(host="m3", kind="second")),
    ),
    Staged(
        "F64",
        "flows-lost",
        ("m1", "m2", "m3"),
        ("firewall", "loss", "flows", *PAIRS),
        (NETWORK,),
        breaks={"m3": "iptables -t raw -I PREROUTING -p udp --dport 4789 --sport 32768:46783 -j DROP"},
        heals={"m3": "iptables -t raw -F PREROUTING"},
    ),
)
"""The first overlay of a swarm has VNI 4097: 4096 is the routing mesh's."""

KERNEL = (
    Staged(
        "F22",  # with SSH left out of the table: else the host does not answer at all
        "connections-full",
        ("m3",),
        ("data-path", *PAIRS),
        (NETWORK,),
        breaks={
            "m3": "modprobe -a iptable_raw xt_CT; iptables -t raw -I PREROUTING -p tcp --dport 22 -j CT --notrack;"
            " iptables -t raw -I OUTPUT -p tcp --sport 22 -j CT --notrack;"
            " sysctl -n net.netfilter.nf_conntrack_max > /run/most;"
            " sysctl -w net.netfilter.nf_conntrack_max=$(sysctl -n net.netfilter.nf_conntrack_count)"
        },
        heals={"m3": "sysctl -w net.netfilter.nf_conntrack_max=$(cat /run/most); iptables -t raw -F"},
    ),
    Staged(
        "F29",
        "neighbour-table-full",
        ("m3",),
        PAIRS,
        (NETWORK,),
        breaks={"m3": "for n in 1 2 3; do sysctl -w net.ipv4.neigh.default.gc_thresh$n=1; done"},
        heals={
            "m3": "set -- 8192 49152 65536; for n in 3 2 1; do eval v=\\$$n;"
            " sysctl -w net.ipv4.neigh.default.gc_thresh$n=$v; done"
        },
    ),
    Staged(
        "F61",
        "clock",
        ("m3",),
        ("clocks", "nodes"),
        (NETWORK,),
        faults=(Fault(host="m3", kind="clock", options={"skew_s": 7200}),),
    ),
)
"""Staged on a host with a kernel of its own."""


def spec(kernel: Literal["own", "shared"]) -> LabSpec:
    """Return three hosts of three engine versions, of which the last has this kind of kernel."""
    engines = ("28.5", "20.10", "26.1") if kernel == "own" else ("26.1", "20.10", "28.5")
    return LabSpec(name=fresh_name(), hosts=3, engines=engines, kernels=("shared", "shared", kernel))


def swarm(lab: Lab) -> None:
    """Make the swarm and its overlay."""
    address = inventory(lab).host("m1").address
    docker(lab, "m1", "swarm", "init", "--advertise-addr", address)
    token = docker(lab, "m1", "swarm", "join-token", "-q", "worker")
    for host in ("m2", "m3"):
        docker(lab, host, "swarm", "join", "--token", token, f"{address}:2377")
    docker(lab, "m1", "network", "create", "-d", "overlay", "--attachable", NETWORK)


def main() -> None:
    """Stage and record."""
    wanted = sys.argv[1:] or [one.mode for one in UNDERLAY]
    cases = [one for one in (*UNDERLAY, *KERNEL) if one.mode in wanted]
    kernel: Literal["own", "shared"] = "own" if any(one in KERNEL for one in cases) else "shared"
    with Lab.up(spec(kernel)) as lab:
        swarm(lab)
        for case in cases:
            for one in case.seen_on(lab, keep=True):
                follows = f" <- {', '.join(str(root.cause) for root in one.because_of)}" if one.because_of else ""
                line = f"{case.mode} {one.status:12} {one.cause or '':18} {one.scenario}: {one.detail[:150]}{follows}"
                print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
