"""What only many verifies show: addresses, networks, containers and balancers that one after the other leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.verification import Keep
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.story import VerifyOptions
from tests.support.live_verify import HOSTS, run, traces
from tests.support.waiting import seen

if TYPE_CHECKING:
    from swarmnet.lab import Lab
    from tests.support.own_cluster import OwnCluster

pytestmark = [pytest.mark.lab, pytest.mark.timeout(5400)]
TIMES = 8
"""Verifies of some two minutes each: what one leaves is there after each of them."""
LOOK = r"""
for n in /var/run/docker/netns/lb_* /var/run/docker/netns/ingress_sbox; do
    echo "$(basename $n): $(nsenter --net=$n grep -c Masq /proc/net/ip_vs) backends,\
 $(nsenter --net=$n grep -c ^FWM /proc/net/ip_vs) marks"
done
ls /var/run/docker/netns | grep -c .
for n in /var/run/docker/netns/[0-9]-*; do
    echo "$(basename $n): $(nsenter --net=$n ip neigh show | grep -c PERMANENT) neighbours,\
 $(nsenter --net=$n bridge fdb show dev vxlan0 | grep -c 'self permanent') rows"
done
iptables-save | grep -c ^-A
ip xfrm state list nokeys | grep -c ^src
ip -o link show | grep -c .
"""
"""Everything of a host that a run may leave: namespaces, balancers, neighbours, rows, rules, states, devices."""
ADDRESSES = "docker network inspect -v {} --format '{{{{range .Containers}}}}{{{{.IPv4Address}}}} {{{{end}}}}'"


def held(lab: Lab) -> dict[str, object]:
    """Return what each host holds of the swarm's networks, and the next address that the managers would give."""
    found: dict[str, object] = dict(traces(lab))
    for host in HOSTS:
        done = lab.exec(host, ["sh", "-c", LOOK])
        addresses = lab.exec(host, ["sh", "-c", "; ".join(ADDRESSES.format(net) for net in ("plain", "vault"))])
        found[f"{host} kernel"] = done.stdout
        found[f"{host} addresses"] = sorted(addresses.stdout.split())
    return found


def settled(lab: Lab) -> dict[str, object]:
    """Return what is held once three looks in a row see the same: engines forget what is gone a moment later."""
    looks: list[dict[str, object]] = []

    def look() -> list[dict[str, object]]:
        looks.append(held(lab))
        return looks[-3:]

    return seen(look, lambda last: len(last) == len([one for one in last if one == last[-1]]) == 3, every=3)[-1]


def test_verifies_in_a_row_leave_no_address_network_container_or_balancer(own_cluster: OwnCluster) -> None:
    lab = own_cluster.lab
    wish = VerifyOptions(ALL, keep=Keep.ALWAYS)
    run(lab, wish)
    before = settled(lab)
    statuses = [run(lab, wish).status for _ in range(TIMES)]
    after = seen(lambda: held(lab), lambda now: now == before)
    assert after == before
    assert Status.FAILED not in statuses
