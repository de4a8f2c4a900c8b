"""Failure modes of the catalogue, each as it is staged on a lab: what breaks it, and the verdict that must come first.

The pure test judges what was recorded of each (``recorded/``); ``make soak`` stages each one again on real kernels. To
record one again: ``python -m tests.verify.staged LAB MODE...`` on a lab of three hosts with kernels of their own, made
as ``tests/support/own_cluster.py`` makes it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.lab import Fault, Lab
from swarmnet.model.verification import Keep
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.live_verify import run
from tests.support.recorded_runs import Recorder, save
from tests.support.waiting import LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.report import Verdict

ENCRYPTED = ("udp", "firewall", "encryption", "injection", "ipsec", "encryption-rules")
MESH = ("firewall", "mesh-tcp", "mesh-udp", "published")
BALANCING = ("vip", "balance", "hairpin", "ipvs")
SETTINGS = """
n=/var/run/docker/netns/lb_$(docker network inspect -f '{{.Id}}' vault | cut -c1-9)
delete() { eval "iptables $(iptables -S INPUT | grep 'dport 4789' | grep -e '-j DROP' | sed 's/^-A/-D/')"; }
forget() { iptables-save -t $1 | grep -v -e bytecode -e u32 | iptables-restore -T $1; }
spi() { ip xfrm policy list | grep -A5 "dst $1/32" | sed -n 's/.*spi \\(0x[0-9a-f]*\\).*/\\1/p' | head -1; }
"""
"""Words that the scripts below use."""
WEAR = """
state="src $M1 dst $M2 proto esp spi $(spi $M2)"
key=$(ip xfrm state list | grep -A3 "$(spi $M2)" | sed -n 's/.*rfc4106(gcm(aes)) \\(0x[0-9a-f]*\\) .*/\\1/p' | head -1)
ip xfrm state delete $state
ip xfrm state add $state reqid 13681891 mode transport aead 'rfc4106(gcm(aes))' $key 64 replay-oseq """
"""Gives a state of a host another number of the next packet."""
OTHER_KEYS = """
for spi in $(ip xfrm state list src $M1 dst $M2 | sed -n 's/.*spi \\(0x[0-9a-f]*\\).*/\\1/p'); do
    state="src $M1 dst $M2 proto esp spi $spi"
    ip xfrm state delete $state
    ip xfrm state add $state reqid 13681891 mode transport aead 'rfc4106(gcm(aes))' 0x$(printf '%040d' 7) 64
done
"""
"""Gives the receiving states of a host other keys than the sender's; an engine does not look at states that exist."""


@dataclass(frozen=True)
class Staged:
    """One failure mode on the cluster of :mod:`tests.support.own_cluster`."""

    mode: str
    cause: str
    hosts: tuple[str, ...]
    """The hosts that the verdict must name."""
    scenarios: tuple[str, ...]
    networks: tuple[str, ...] = ("vault", "plain")
    breaks: dict[str, str] = field(default_factory=dict)
    """Host to the shell script that breaks it."""
    heals: dict[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    restarts: tuple[str, ...] = ()
    """Hosts whose engine must start again to heal it."""

    @contextmanager
    def on(self, lab: Lab) -> Iterator[None]:
        """Break it, and heal it afterwards; meanwhile, containers stay on the encrypted overlay where that matters."""
        there = {"encryption", "ipvs"} & {*self.scenarios}
        stay = [host.name for host in lab.hosts if there and lab.exec(host.name, ["sh", "-c", STAYS]).exit_code != 0]
        try:
            for host in stay:
                assert lab.exec(host, _shell(lab, STAY)).exit_code == 0, (self.mode, host)
            for fault in self.faults:
                lab.break_(fault)
            for host, script in self.breaks.items():
                done = lab.exec(host, _shell(lab, script), limit=LIMIT)
                assert done.exit_code == 0, (self.mode, host, done.last_words())
            yield
        finally:
            for host, script in self.heals.items():
                done = lab.exec(host, _shell(lab, script))
                assert done.exit_code == 0, (self.mode, host, done.last_words())
            for fault in self.faults:
                lab.heal(fault)
            for host in self.restarts:
                lab.break_(Fault(host=host, kind="engine"))
                lab.heal(Fault(host=host, kind="engine"))
            for host in stay:
                lab.exec(host, ["docker", "rm", "-f", "staying"])

    def seen_on(self, lab: Lab, *, keep: bool = False) -> tuple[Verdict, ...]:
        """Return the verdicts on a lab that is broken so; ``keep`` records what they were made of."""
        recorder = Recorder()
        chosen = tuple(one for one in ALL if one.name in self.scenarios)
        with self.on(lab):
            found = run(
                lab, VerifyOptions((*chosen, recorder), networks=self.networks, settle=6.0, keep=Keep.ALWAYS)
            ).verdicts
        if keep and recorder.seen is not None:
            save(self.mode, *recorder.seen, tuple(one.name for one in chosen))
        return found


def blocked(source: str, target: str) -> Fault:
    """Return the fault that drops ESP from one host to another."""
    return Fault(host=source, kind="block", options={"to": target, "protocol": "esp"})


def _shell(lab: Lab, script: str) -> list[str]:
    """Return a script with the hosts' addresses as ``M1`` and so on, and one of no host as ``M9``."""
    known = {host.name.upper(): str(host.address) for host in lab.hosts}
    known["M9"] = known["M1"].rpartition(".")[0] + ".99"
    return ["env", *(f"{name}={address}" for name, address in known.items()), "sh", "-ec", SETTINGS + script]


STAYS = 'docker inspect --format "{{.State.Running}}" staying | grep -q true'
STAY = "docker rm -f staying > /dev/null 2>&1 || true; docker run -d --name staying --network vault own:1 sleep 9999"
"""Keeps an endpoint of the encrypted overlay on a host, and with it the engine's rules and its balancer."""
OWN = (
    Staged("F05", "esp-blocked", ("m2", "m3"), ENCRYPTED, faults=(blocked("m3", "m2"),)),
    Staged(
        "F06",
        "firewall-drops",
        ("m2",),
        ENCRYPTED,
        breaks={"m2": "iptables -I INPUT -p udp -m policy --dir in --pol ipsec -j DROP"},
        heals={"m2": "iptables -D INPUT -p udp -m policy --dir in --pol ipsec -j DROP"},
    ),
    Staged(
        "F07",
        "translated",
        ("m1", "m2"),
        ENCRYPTED,
        breaks={
            "m1": "modprobe -a sch_ingress cls_u32 act_nat; tc qdisc add dev eth0 clsact; tc filter add dev eth0 egress"
            " protocol ip u32 match ip protocol 50 0xff match ip dst $M2/32 action nat egress $M1/32 $M9"
        },
        heals={"m1": "tc qdisc del dev eth0 clsact"},
    ),
    Staged(
        "F35",
        "no-vni-match",
        ("m2",),
        ENCRYPTED,
        breaks={
            "m2": "docker rm -f staying || true; sleep 3; forget filter; forget mangle; mkdir -p /etc/modprobe.d;"
            " rmmod xt_bpf || true; rmmod xt_u32 || true;"
            " printf 'install xt_u32 /bin/false\\ninstall xt_bpf /bin/false\\n' > /etc/modprobe.d/no-match.conf"
        },
        heals={"m2": "rm -f /etc/modprobe.d/no-match.conf; modprobe -a xt_u32 xt_bpf"},
        restarts=("m2",),
    ),
    Staged(
        "F36",
        "rules-order",
        ("m3",),
        ENCRYPTED,
        breaks={"m3": "iptables -I INPUT -p udp --dport 4789 -j ACCEPT"},
        heals={"m3": "iptables -D INPUT -p udp --dport 4789 -j ACCEPT"},
    ),
    Staged(
        "F37",
        "rules-flushed",
        ("m3",),
        ENCRYPTED,
        breaks={"m3": "iptables-save -t filter > /run/kept; delete"},
        heals={"m3": "iptables-restore < /run/kept"},
    ),
    Staged(
        "F39",
        "ipsec-drops",
        ("m2",),
        ENCRYPTED,
        breaks={"m2": OTHER_KEYS},
        restarts=("m2",),
    ),
    Staged("F40", "key-worn", ("m1",), ENCRYPTED, breaks={"m1": f"{WEAR} 4026531840"}, heals={"m1": f"{WEAR} 100000"}),
    Staged(
        "F43",
        "rules-flushed",
        ("m1",),
        ENCRYPTED,
        faults=tuple(Fault(host=host, kind="rules", options={"table": "mangle"}) for host in ("m1", "m3")),
    ),
    Staged(
        "F44",
        "ipvs-backends",
        ("m1",),
        BALANCING,
        ("vault",),
        faults=(Fault(host="m1", kind="backend", options={"network": "vault"}),),
    ),
    Staged(
        "F48",
        "firewall-drops",
        ("m3",),
        MESH,
        breaks={"m3": "iptables -I DOCKER-USER -i eth0 -p tcp -j DROP"},
        heals={"m3": "iptables -D DOCKER-USER -i eth0 -p tcp -j DROP"},
    ),
    Staged(
        "F49",
        "ingress-rules",
        ("m1",),
        MESH,
        breaks={"m1": "iptables-save -t nat > /run/kept; iptables -t nat -F DOCKER-INGRESS"},
        heals={"m1": "iptables-restore < /run/kept"},
    ),
    Staged(
        "F52",
        "balancer-forward",
        ("m1",),
        BALANCING,
        ("vault",),
        breaks={"m1": "nsenter --net=$n sysctl -w net.ipv4.ip_forward=0"},
        heals={"m1": "nsenter --net=$n sysctl -w net.ipv4.ip_forward=1"},
    ),
    Staged(
        "F57",
        "port-hidden",
        ("m2",),
        MESH,
        breaks={
            "m2": "(busybox nc -ll -p 8099 -e cat > /dev/null 2>&1 & echo $! > /run/nc.pid)",
            "m1": "docker service create -q -d=false --name hiding --network plain -p 8099:80 --replicas 1"
            " own:1 httpd -f -p 80 -h /www",
        },
        heals={"m2": "kill $(cat /run/nc.pid)", "m1": "docker service rm hiding"},
    ),
    Staged("F58", "ipv6-hangs", ("m1", "m2", "m3"), ("mesh-tcp", "mesh-ipv6")),
    Staged(
        "F65",
        "internal-published",
        (),
        MESH,
        breaks={
            "m1": "docker network create -d overlay --internal inner; docker service create -q -d=false"
            " --name shut --network inner -p 8098:80 --replicas 1 own:1 httpd -f -p 80 -h /www"
        },
        heals={"m1": "docker service rm shut; sleep 5; docker network rm inner"},
    ),
)


GOSSIP = """
settings=/etc/docker/daemon.json
diagnose() {
    grep -q diagnostic $settings || sed -i 's/"storage-driver"/"network-diagnostic-port": 2000, &/' $settings
    kill -HUP $(cat /var/run/docker.pid); sleep 1
}
hush() { sed -i 's/"network-diagnostic-port": 2000, //' $settings; kill -HUP $(cat /var/run/docker.pid); }
ask() { busybox wget -qO- "http://127.0.0.1:2000/$1?nid=$nid&tname=endpoint_table&$2"; }
of() { docker inspect -f "{{(index .NetworkSettings.Networks \\"plain\\").$1}}" $(docker ps -q -f name=talks); }
nid=$(docker network inspect -f '{{.Id}}' plain)
"""
"""Words to change what engines tell each other of containers, by the engine's own diagnostic server."""
TALK = "docker service create -q -d=false --name talks --mode global --network plain own:1 sleep 9999"
READDRESS = r's/\*.\Q$ENV{was}\E/"*" . chr(length $ENV{is}) . $ENV{is}/se'
"""Gives an entry of the endpoint table another address: one that managers have not come to, who give them in order."""
DNS = """
use Socket;
socket(my $server, AF_INET, SOCK_DGRAM, 17) or die;
bind($server, sockaddr_in(53, INADDR_ANY)) or die;
while (my $from = recv($server, my $said, 512, 0)) {
    substr($said, 2, 2) = pack("n", 0x8183);
    send($server, $said, 0, $from);
}
"""
"""Answers that the name does not exist."""
RESOLVE = "cp /etc/resolv.conf /run/kept.dns; echo nameserver {} > /etc/resolv.conf"
SHARED = (
    Staged(
        "F27",
        "stale-address",
        ("m2", "m3"),
        ("own-names", "own-aliases"),
        ("plain",),
        breaks={
            "m1": f"{GOSSIP}{TALK}; diagnose; id=$(of EndpointID); ip=$(of IPAddress);"
            ' value=$(ask getentry "key=$id&json" | sed \'s/.*"value":"\\([^"]*\\)".*/\\1/\' | base64 -d'
            f" | was=$ip is=${{ip%.*}}.200 perl -0pe '{READDRESS}' | base64 -w0 | sed s/+/%2B/g);"
            ' ask createentry "key=$(echo $id | tr 0-9a-f a-f0-9)&value=$value"; sleep 2'
        },
        heals={
            "m1": f"{GOSSIP}ask deleteentry key=$(of EndpointID | tr 0-9a-f a-f0-9); hush; docker service rm talks",
        },
    ),
    Staged(
        "F28",
        "nameless-task",
        ("m1", "m2"),
        ("own-names", "own-aliases"),
        ("plain",),
        breaks={"m1": TALK, "m3": f"{GOSSIP}diagnose; ask deleteentry key=$(of EndpointID); sleep 2"},
        heals={"m3": f"{GOSSIP}hush", "m1": "docker service rm talks"},
    ),
    Staged(
        "F47",
        "upstream-dns",
        ("m2",),
        ("dns-upstream", "dns-container"),
        ("plain",),
        breaks={
            "m1": f"{RESOLVE.format('$M3')}; (perl -e '{DNS}' > /dev/null 2>&1 & echo $! > /run/dns.pid)",
            "m2": RESOLVE.format("192.0.2.1"),
            "m3": f"{RESOLVE.format('$M1')}; (perl -e '{DNS}' > /dev/null 2>&1 & echo $! > /run/dns.pid)",
        },
        heals={
            "m1": "kill $(cat /run/dns.pid); cat /run/kept.dns > /etc/resolv.conf",
            "m2": "cat /run/kept.dns > /etc/resolv.conf",
            "m3": "kill $(cat /run/dns.pid); cat /run/kept.dns > /etc/resolv.conf",
        },
    ),
    Staged(
        "F50",
        "iptables-split",
        ("m2",),
        ("firewall", "udp"),
        ("plain",),
        breaks={"m2": "iptables-legacy -I INPUT -p udp --dport 4789 -j DROP"},
        heals={"m2": "iptables-legacy -D INPUT -p udp --dport 4789 -j DROP"},
    ),
    Staged(
        "F54",
        "bridge-on-underlay",
        ("m3",),
        ("subnets", "udp", "gossip"),
        ("plain",),
        breaks={"m3": "docker network create --subnet ${M1%.*}.8/30 wrong"},
        heals={"m3": "docker network rm wrong"},
    ),
    Staged(
        "F55",
        "subnet-hides-route",
        ("m2",),
        ("subnets", "udp"),
        ("plain",),
        breaks={
            "m2": "ip route add 10.77.0.0/24 dev eth0",
            "m1": "docker network create -d overlay --attachable --subnet 10.77.0.0/24 lan",
        },
        heals={"m1": "docker network rm lan", "m2": "ip route del 10.77.0.0/24 dev eth0"},
    ),
    Staged(
        "F56",
        "subnet-full",
        (),
        ("allocation", "udp"),
        ("tiny", "plain"),
        breaks={
            "m1": "docker network create -d overlay --subnet 10.99.0.0/29 tiny; docker service create -d --name crowd"
            " --network tiny --replicas 8 own:1 sleep 1000; sleep 5"
        },
        heals={"m1": "docker service rm crowd; sleep 5; docker network rm tiny"},
    ),
)
"""What shows on hosts that share a kernel, too."""


ELSEWHERE = (Staged("F21", "ipsec-port", ("m2",), ENCRYPTED),)
"""What takes a swarm of its own: the same hosts with ``--data-path-port 7789``, which 20.10 (m2) does not encrypt."""
STAGED = (*OWN, *SHARED, *ELSEWHERE)


def staged(mode: str) -> Staged:
    """Return one by its id."""
    return next(one for one in STAGED if one.mode == mode)


def named(verdict: Verdict) -> list[str]:
    """Return the hosts that a verdict names, or those of the pairs that it is about."""
    hosts, pairs = verdict.evidence.get("hosts"), verdict.evidence.get("pairs")
    if isinstance(hosts, list):
        return [str(host) for host in hosts]
    ends = [pair for pair in pairs if isinstance(pair, list)] if isinstance(pairs, list) else []
    return sorted({str(host) for pair in ends for host in pair})


def main() -> None:
    """Stage and record."""
    lab = Lab.open(sys.argv[1])
    for mode in sys.argv[2:] or [one.mode for one in STAGED]:
        for one in staged(mode).seen_on(lab, keep=True):
            follows = f" <- {', '.join(str(root.cause) for root in one.because_of)}" if one.because_of else ""
            print(f"{mode} {one.status:12} {one.cause or '':18} {one.scenario}: {one.subject}: {one.detail}{follows}")  # noqa: T201


if __name__ == "__main__":
    main()
