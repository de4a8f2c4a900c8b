"""Faults that are staged by plain commands on hosts, and what ``swarmnet trace`` must say of each: data."""

from __future__ import annotations

from dataclasses import dataclass

STACK = """\
version: "3.8"
services:
  api: {image: "demo:1", networks: [back], deploy: {mode: global}}
  db: {image: "demo:1", networks: [back], deploy: {placement: {constraints: ["node.hostname == m2"]}}}
networks:
  back: {driver: overlay}
"""
"""Deployed as ``shop``."""
SERVICE = "service create -d --stop-grace-period 1s --network front --name"
MADE = (
    "network create -d overlay front",
    f"{SERVICE} web --mode global -p 8090:80 demo:1",
    f"{SERVICE} alone --constraint node.hostname==m2 demo:1",
)
"""What is made by docker's own command, next to the stack."""
PLACED = {"web": ["m1", "m2", "m3"], "alone": ["m2"], "shop_api": ["m1", "m2", "m3"], "shop_db": ["m2"]}
"""Where their tasks run."""
IN_ALONE = "nsenter -t $(docker inspect -f '{{.State.Pid}}' $(docker ps -q -f name=alone.)) -n"
ROW = """
set -- $(docker network inspect -v -f '{{.Id}}{{range (index .Services "shop_db").Tasks}} {{.EndpointIP}}\
 {{index .Info "Host IP"}}{{end}}' shop_back)
in="nsenter --net=$(ls /var/run/docker/netns/*-$(echo $1 | cut -c1-10))"
mac=$(echo $2 | awk -F. '{printf "02:42:%02x:%02x:%02x:%02x", $1, $2, $3, $4}')
$in"""
"""Finds the rows of a host for the one container of shop_db: its address as ``$2``, its host's as ``$3``, its MAC."""
PORT_RULE = "DOCKER-INGRESS -p tcp -m tcp --dport 8090 -j DNAT --to-destination 172.18.0.2:8090"
"""What leads a published port to the routing mesh (20.10 to 28.5)."""
NAT_RULE = "POSTROUTING -s 172.18.0.0/16 ! -o docker_gwbridge -j MASQUERADE"


@dataclass(frozen=True, slots=True)
class Staged:
    """One fault: where and how it is staged and undone, what a stranger traces, and what is found."""

    does: str
    undoes: str
    host: str
    trace: tuple[str, str]
    """From and to; ``HOST`` is the address of m1."""
    layer: str
    cause: str
    says: str
    """What the broken layer names: a host, a rule, a port."""

    def __str__(self) -> str:
        """Return it as the name of a test."""
        return f"{self.host}: {self.does}"


def on_service(does: str, undoes: str) -> tuple[str, str, str]:
    """Return a change by docker's own command on a manager."""
    how = "docker service update --detach=false -q"
    return f"{how} {does}", f"{how} {undoes}", "m1"


FAULTS = (
    Staged(
        "iptables -I DOCKER-USER -j DROP",
        "iptables -D DOCKER-USER -j DROP",
        "m2",
        ("web", "HOST:22"),
        "firewall",
        "firewall-drops",
        "the firewall of m2 drops these packets: -A DOCKER-USER -j DROP",
    ),
    Staged(
        "iptables -I DOCKER-USER -i eth0 -p tcp -j DROP",
        "iptables -D DOCKER-USER -i eth0 -p tcp -j DROP",
        "m3",
        ("operator", "web:8090"),
        "firewall",
        "firewall-drops",
        "the firewall of m3",
    ),
    Staged(
        "ip link add vpn0 type dummy; ip link set vpn0 up; ip route add 172.18.0.0/25 dev vpn0",
        "ip link del vpn0",
        "m2",
        ("operator", "web:8090"),
        "published",
        "bridge-route",
        "leave by vpn0",
    ),
    Staged(
        f"iptables -t nat -D {PORT_RULE}",
        f"iptables -t nat -I {PORT_RULE}",
        "m1",
        ("operator", "web:8090"),
        "published",
        "ingress-rules",
        "the nat rule for tcp port 8090 is missing on m1",
    ),
    Staged(
        f"iptables -t nat -D {NAT_RULE}",
        f"iptables -t nat -A {NAT_RULE}",
        "m2",
        ("web", "HOST:22"),
        "masquerade",
        "no-masquerade",
        "no rule of m2",
    ),
    Staged(
        "sysctl -qw net.ipv4.ip_forward=0",
        "sysctl -qw net.ipv4.ip_forward=1",
        "m2",
        ("web", "HOST:22"),
        "firewall",
        "ip-forward",
        "m2 does not pass packets on",
    ),
    Staged(
        "iptables -I INPUT -p udp --dport 4789 -m length --length 1400: -j DROP",
        "iptables -D INPUT -p udp --dport 4789 -m length --length 1400: -j DROP",
        "m2",
        ("shop_api", "shop_db:80"),
        "size",
        "firewall-drops",
        "the firewall of m2 drops full-size udp 4789",
    ),
    Staged(
        "tc qdisc add dev eth0 root netem loss 20%",
        "tc qdisc del dev eth0 root",
        "m2",
        ("shop_api", "shop_db:80"),
        "loss",
        "loss",
        "m2: the queue netem that loses 20% of what is sent",
    ),
    Staged(
        *on_service("--publish-rm 80 --publish-add 8090:81 web", "--publish-rm 81 --publish-add 8090:80 web"),
        ("operator", "web:8090"),
        "program",
        "not-listening",
        "and no program listens there; its programs listen on 80",
    ),
    Staged(
        *on_service("--args 'httpd -f -h /www -p 127.0.0.1:80' alone", "--args 'httpd -f -h /www -p 80' alone"),
        ("web", "alone:80"),
        "port",
        "not-listening",
        "listens on 127.0.0.1:80 alone",
    ),
    Staged(
        "docker service update -d -q --constraint-add node.labels.disk==ssd alone",
        "docker service update --detach=false -q --constraint-rm node.labels.disk==ssd alone",
        "m1",
        ("web", "alone:80"),
        "target",
        "no-running-task",
        "no suitable node",
    ),
    Staged(
        "docker service update -d -q --health-cmd false --health-interval 2s --health-retries 100 alone",
        "docker service update --detach=false -q --no-healthcheck alone",
        "m1",
        ("web", "alone:80"),
        "target",
        "no-running-task",
        "until the health check of its container passes, alone has no name",
    ),
    Staged(
        "iptables -I INPUT -p udp --dport 4789 -j DROP",
        "iptables -D INPUT -p udp --dport 4789 -j DROP",
        "m2",
        ("shop_api", "shop_db:80"),
        "overlay",
        "firewall-drops",
        "the firewall of m2 drops udp 4789",
    ),
    Staged(
        f"{ROW} bridge fdb del $mac dev vxlan0 dst $3 self",
        f"{ROW} bridge fdb replace $mac dev vxlan0 dst $3 self permanent",
        "m3",
        ("shop_api", "shop_db:80"),
        "overlay",
        "forward-missing",
        "the forwarding entry is missing there",
    ),
    Staged(
        f"{ROW} ip neigh replace $2 lladdr 02:42:0a:63:63:63 dev vxlan0 nud permanent",
        f"{ROW} ip neigh replace $2 lladdr $mac dev vxlan0 nud permanent",
        "m3",
        ("shop_api", "shop_db:80"),
        "overlay",
        "neighbour-wrong",
        "names 02:42:0a:63:63:63, which is not its hardware address",
    ),
    Staged(
        f"{IN_ALONE} iptables -I INPUT ! -i lo -p tcp --dport 80 -j DROP",
        f"{IN_ALONE} iptables -D INPUT ! -i lo -p tcp --dport 80 -j DROP",
        "m2",
        ("web", "alone:80"),
        "port",
        "blocked",
        "stays silent, though alone.1 on m2 listens there",
    ),
    Staged(
        *on_service("--network-rm front alone", "--network-add front alone"),
        ("web", "alone:80"),
        "network",
        "no-shared-network",
        "they have no network in common (web: front; alone:",
    ),
)  # fmt: skip
