"""Published ports that a host drops on their way to a container: each port walked, in the mesh and of single hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.service import PublishedPort, PublishMode, Service, ServiceSpec, Task
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import Answer, Answers, MeshService
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.mesh.host_port import HostPort
from tests.verify.scenarios.test_host_firewall import DOCKER, cluster, with_roles
from tests.verify.scenarios.test_mesh_entries import SHUT

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict
    from swarmnet.verify.scenario import Setup

NAT = """\
*nat
:DOCKER - [0:0]
-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 32768 -j DNAT --to-destination 172.18.0.5:21121
-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 8070 -j DNAT --to-destination 172.18.0.6:80
COMMIT
"""
"""As engines 20.10 to 28.5 lead ports in host mode: the probe service's, and one of a user's."""
HOSTED = PublishedPort(target=80, published=8070, mode=PublishMode.HOST)
MESHED = PublishedPort(target=80, published=8080)
SERVICES = (
    Service(id="s1", version=1, spec=ServiceSpec(name="hosted", image="w"), published=()),
    Service(id="s2", version=1, spec=ServiceSpec(name="first", image="w"), published=(MESHED,)),
    Service(
        id="s3",
        version=1,
        spec=ServiceSpec(name="second", image="w"),
        published=(PublishedPort(target=53, published=8053, protocol="udp"),),
    ),
)
ACCEPTED = """\
-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT
-A DOCKER-INGRESS -p udp -m udp --dport 8053 -j ACCEPT
-A DOCKER-INGRESS -p udp -m udp --dport 30000 -j ACCEPT
-A DOCKER-INGRESS -j RETURN
"""


def place() -> Setup:
    base = with_roles(cluster(), down="")
    task = Task(id="t1", service_id="s1", node_id="n3", state="running", desired_state="running", published=(HOSTED,))
    mesh = MeshService("probe", {"tcp": 30000, "udp": 30000}, {"w3": 32768}, {"n3": "w3"})
    return replace(base, state=base.state.model_copy(update={"services": SERVICES, "tasks": (task,)}), mesh=mesh)


def rules(rule: str) -> str:
    """Return the tables of a host with one more rule."""
    part = {"user": "", "before": ""}
    if rule.startswith("-A"):
        part["user" if "USER" in rule else "before"] = f"{rule}\n"
    table = DOCKER.format(**part).replace("-A DOCKER-INGRESS -j RETURN\n", ACCEPTED)
    return NAT + table + ("" if rule.startswith("-A") else rule)


def judged(rule: str) -> list[Verdict]:
    answers: Answers = {("w3", SAVE.name): Answer({"exit": 0, "stdout": rules(rule)})}
    return [one for one in HostFirewall().judge(place(), answers).verdicts if one.status is Status.FAILED]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "-A DOCKER-USER -i eth0 -p tcp -m tcp --dport 80 -j DROP",
            "drops tcp 8070 of hosted forwarded for w1, w2",
        ),
        (
            "-A DOCKER-USER -i eth0 -p tcp -m conntrack --ctorigdstport 8070 --ctdir ORIGINAL -j DROP",
            "drops tcp 8070 of hosted forwarded for w1, w2",
        ),
        ("-A FORWARD -d 172.18.0.5/32 -p tcp -j DROP", "drops tcp 32768 of the probe service forwarded for w1, w2"),
        ("-A DOCKER-USER -p udp -m udp --dport 8053 -j DROP", "drops udp 8053 of second forwarded for w1, w2"),
        (
            "-A DOCKER-USER -p udp -j DROP",
            "drops udp 30000 of the probe service, answers of udp 30000, udp 8053",
        ),
        (
            "*raw\n-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DROP\nCOMMIT\n",
            "drops tcp 8080 of first forwarded for w1, w2: -t raw -A PREROUTING",
        ),
        (
            "*mangle\n-A FORWARD -s 192.0.2.1/32 -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n",
            "drops tcp 8070 of hosted forwarded for w1: -t mangle -A FORWARD",
        ),
    ],
)
def test_each_published_port_that_a_rule_drops_is_named_with_the_rule(rule: str, words: str) -> None:
    (verdict,) = judged(rule)
    assert words in verdict.detail
    assert verdict.cause == "firewall-drops"


@pytest.mark.parametrize(
    "rule",
    [
        "-A DOCKER-USER -p tcp -m tcp --dport 8070 -j DROP",  # its target was rewritten to port 80 before
        "-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8071 -j DROP",
        "-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8070 --ctdir REPLY -m set --match-set foes src -j DROP",
        "-A DOCKER-USER -i eth9 -j DROP",
    ],
)
def test_a_rule_that_no_published_port_certainly_meets_is_not_named(rule: str) -> None:
    assert judged(rule) == []


def test_a_port_in_host_mode_that_a_rule_drops_follows_from_the_rule() -> None:
    shut: Answers = {(side, "host-port"): Answer({"targets": {"w3": SHUT}}) for side in ("w1", "w2", "")}
    closed = HostPort().judge(place(), shut).verdicts
    found = traced([*judged("-A DOCKER-USER -i eth0 -d 172.18.0.5/32 -j DROP"), *closed])
    assert [(one.scenario, [root.scenario for root in one.because_of]) for one in found] == [
        ("firewall", []),
        ("host-port", ["firewall"]),
    ]
    other = traced([*judged("-A DOCKER-USER -i eth0 -d 172.18.0.6/32 -j DROP"), *closed])
    assert all(one.because_of == () for one in other)
