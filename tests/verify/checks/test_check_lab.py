"""Hosts that are in no swarm, of three engine versions: healthy ones have no finding, and each staged fault its own."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.probe_image import packed
from swarmnet.lab import Fault, Lab, LabSpec
from swarmnet.model.report import Status
from swarmnet.verify.checks import CHECKS
from swarmnet.verify.checks.pairs import Pairs
from swarmnet.verify.checks.planned import planned_of
from swarmnet.verify.checks.story import CheckOptions, check
from swarmnet.verify.probes.run import Run
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.sizes.underlay import UnderlayMtu
from swarmnet.workflows.fleet.observe import observe
from tests.support.commands import docker
from tests.support.labs import fresh_name
from tests.support.live_verify import HOSTS, inventory, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.verification import Verification
    from swarmnet.verify.scenario import Scenario

pytestmark = pytest.mark.lab
KERNEL = {"no-ipvs", "no-esp"}
"""What the kernel of the machine may lack, which hosts of a shared kernel then lack, too."""
STAGED = (
    ("m1", "ip route add 10.0.0.0/16 dev eth0"),
    ("m2", "(setsid busybox nc -ll -p 2377 </dev/null >/dev/null 2>&1 &)"),
    ("m2", "cp /etc/docker/daemon.json /run/daemon.json; echo '{\"live-restore\": true}' > /etc/docker/daemon.json"),
    ("m3", "iptables -I INPUT -p tcp --dport 7946 -j DROP"),
    ("m3", "iptables -I OUTPUT -p udp --dport 4789 -j DROP"),
    ("m3", 'cp /etc/docker/daemon.json /run/daemon.json; echo \'{"cluster-store": "x"}\' > /etc/docker/daemon.json'),
)
FAULTS = (
    Fault(host="m1", kind="block", options={"to": "m2", "protocol": "udp", "port": 4789}),
    Fault(host="m2", kind="block", options={"to": "m1", "protocol": "esp"}),
    Fault(host="m2", kind="block", options={"to": "m3", "protocol": "tcp", "port": 2377}),
    Fault(host="m2", kind="machine-id", options={"like": "m1"}),
    Fault(host="m1", kind="mtu", options={"mtu": 1400}),
)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Lab]:
    with Lab.up(LabSpec(name=fresh_name(), hosts=3, engines=("20.10", "26.1", "28.5"))) as lab:
        yield lab


def look(lab: Lab, checks: tuple[Scenario, ...] = CHECKS, *, known_by: Mapping[str, str] | None = None) -> Verification:
    me = Run(f"t{os.getpid()}", f"here:{os.getpid()}", lambda _operator: False)
    known = inventory(lab)
    with session(lab) as ports:
        state = observe(ports)
        planned = planned_of(known, state)
        if known_by is not None:
            planned = replace(planned, addresses=known_by, data_paths=known_by)
        wish = CheckOptions(checks, planned, HOSTS)
        return check(ports, state, wish, kit=packed(), run=me)


def causes(result: Verification) -> set[tuple[str, str]]:
    """Return each cause with its subject, but for what only follows, and what this machine's kernel lacks."""
    bad = (Status.FAILED, Status.WARNING, Status.INCONCLUSIVE)
    return {
        (str(one.cause), one.subject)
        for one in result.verdicts
        if one.status in bad and not one.because_of and one.cause not in KERNEL
    }


def test_healthy_hosts_without_a_swarm_have_no_finding_and_keep_nothing(hosts: Lab) -> None:
    before = kept(hosts)

    result = look(hosts)

    assert causes(result) == set()
    assert [matrix.counts() for matrix in result.matrices] == [{Status.OK: 6}]
    assert kept(hosts) == before


def test_hosts_that_are_known_by_ipv6_are_checked_by_its_packets_and_its_rules(hosts: Lab) -> None:
    six = {host: f"fd00:db8::{number}" for number, host in enumerate(HOSTS, 1)}
    drop = f"-s {six['m1']} -p udp --dport 4789 -j DROP"
    for host, address in six.items():
        script = f"ip -6 address add {address}/64 dev eth0 nodad"
        assert hosts.exec(host, ["sh", "-c", script]).exit_code == 0
    assert hosts.exec("m2", ["sh", "-c", f"ip6tables -I INPUT {drop}"]).exit_code == 0

    result = look(hosts, (HostFirewall(), Pairs(), UnderlayMtu()), known_by=six)

    assert hosts.exec("m2", ["sh", "-c", f"ip6tables -D INPUT {drop}"]).exit_code == 0
    assert causes(result) == {("firewall-drops", "host m2")}
    assert [one.subject for one in result.verdicts if one.because_of] == ["m1 -> m2"]
    assert [matrix.counts() for matrix in result.matrices] == [{Status.OK: 5, Status.FAILED: 1}]


def test_each_of_eleven_faults_at_once_is_named_with_its_hosts(hosts: Lab) -> None:
    for host, script in STAGED:
        assert hosts.exec(host, ["sh", "-c", script]).exit_code == 0
    for fault in FAULTS:
        hosts.break_(fault)

    found = causes(look(hosts))

    assert found == {
        ("underlay", "m1 -> m2"),
        ("esp-blocked", "m2 -> m1"),
        ("orders-blocked", "m2 -> m3"),
        ("machine-id", "hosts m1, m2"),
        ("path-mtu", "link of m1"),
        ("subnet-hides-route", "host m1"),
        ("port-taken", "host m2"),
        ("daemon-config", "host m2"),
        ("daemon-config", "host m3"),
        ("firewall-drops", "host m3"),
    }


def kept(lab: Lab) -> dict[str, list[str]]:
    """Return every container, image and network of each host."""
    lists = (("ps", "-aq"), ("images", "-q"), ("network", "ls", "-q"))
    return {host: [line for words in lists for line in docker(lab, host, *words).split()] for host in HOSTS}
