"""What turns red for one fault of a host, in the mesh, in balancers and in names: each follows from the fault alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import STRENGTH, traced
from swarmnet.verify.causes.pairs import explain
from swarmnet.verify.kernels import KERNEL
from swarmnet.verify.keys import SAVE
from swarmnet.verify.scenario import OPERATOR, Answer, Answers
from swarmnet.verify.scenarios.hosts.firewall import HostFirewall
from swarmnet.verify.scenarios.hosts.kernels import Kernels
from swarmnet.verify.scenarios.mesh.mesh import LOCALHOST, MeshTcp
from tests.verify.scenarios.test_bridge_way import bridged, inwards
from tests.verify.scenarios.test_host_firewall import DOCKER, table
from tests.verify.scenarios.test_mesh_entries import HEALTHY, HOSTS, SHUT, cluster, everywhere, opened, seen

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Setup

FROM_OTHERS = {(side, "w2"): SHUT for side in ("w1", "w3", OPERATOR)}
"""What sides see where the host w2 passes nothing on: it answers itself."""
NOT_REACHED = {
    **dict.fromkeys(everywhere("w1"), opened(("n1",))),
    **dict.fromkeys(everywhere("w3"), opened(("n1",))),
    **dict.fromkeys(everywhere("w2"), opened(("n2",))),
}
"""What sides see where nothing on the overlay gets to w2 and from it: each entry reaches the tasks on its own side."""


def place() -> Setup:
    base = cluster()
    observers = tuple(replace(one, vtep=f"192.0.2.{one.host[1:]}") for one in base.observers)
    return bridged(replace(base, observers=observers))


def rules(text: str) -> Answers:
    return {("w2", SAVE.name): Answer({"exit": 0, "stdout": text})}


def kernel(**odd: int) -> Answers:
    said: JsonObject = {"forward": 1, "filters": {}, "devices": {}, "tunnels": {}}
    return {(host, KERNEL.name): Answer({**said, **(odd if host == "w2" else {})}) for host in HOSTS}


RAW = "*raw\n-A PREROUTING -p udp -m udp --dport 4789 -j DROP\nCOMMIT\n"
FAULTS: dict[str, tuple[Answers, dict[tuple[str, str], JsonObject], str]] = {
    "ip_forward is 0": (kernel(forward=0), FROM_OTHERS, "ip-forward"),
    "a VPN's route leads away from containers": (inwards("w2", "tun0"), everywhere("w2"), "bridge-route"),
    "the table raw drops VXLAN": (rules(RAW + table()), NOT_REACHED, "firewall-drops"),
    "INPUT drops VXLAN": (rules(table("-A INPUT -p udp -m udp --dport 4789 -j DROP")), NOT_REACHED, "firewall-drops"),
    "OUTPUT drops VXLAN": (
        rules("*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -m udp --dport 4789 -j DROP\nCOMMIT\n"),
        NOT_REACHED,
        "firewall-drops",
    ),
    "FORWARD drops all": (
        rules(DOCKER.format(before="-A FORWARD -j DROP\n", user="")),
        FROM_OTHERS,
        "firewall-drops",
    ),
    "DOCKER-USER drops the port": (
        rules(DOCKER.format(before="", user="-A DOCKER-USER -p tcp -m tcp --dport 30000 -j DROP\n")),
        FROM_OTHERS,
        "firewall-drops",
    ),
    "DOCKER-USER drops it for the operator alone": (
        rules(DOCKER.format(before="", user="-A DOCKER-USER -p tcp -m tcp --dport 30000 -j DROP\n")),
        {(OPERATOR, "w2"): SHUT},
        "firewall-drops",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_host_is_the_only_cause_of_what_the_mesh_shows(fault: str) -> None:
    facts, shut, cause = FAULTS[fault]
    answers = seen(place(), shut, look=HEALTHY) | facts
    findings = [one.judge(place(), answers) for one in (Kernels(), HostFirewall(), MeshTcp())]
    verdicts = [*(v for one in findings for v in one.verdicts), *explain(place(), answers, ())]
    bad = [one for one in traced(verdicts) if one.status in STRENGTH]
    assert [one.cause for one in bad if not one.because_of] == [cause]
    assert [one.scenario for one in bad if one.because_of]


def test_a_mesh_that_is_blocked_while_nothing_is_found_on_the_host_stays_a_cause() -> None:
    answers = seen(place(), FROM_OTHERS, look=HEALTHY) | kernel() | rules(DOCKER.format(before="", user=""))
    findings = [one.judge(place(), answers) for one in (Kernels(), HostFirewall(), MeshTcp())]
    verdicts = [*(v for one in findings for v in one.verdicts), *explain(place(), answers, ())]
    assert [one.cause for one in traced(verdicts) if one.status in STRENGTH] == ["ingress-blocked"]


def proof(*broken: Claim) -> Verdict:
    return Verdict(scenario="proof", subject="w3", status=Status.FAILED, detail="", broken=frozenset(broken))


def test_an_entry_without_a_task_that_hears_of_none_has_no_rules_for_that() -> None:
    nat = {**HEALTHY, "nat": "*nat\n"}
    answers = seen(place(), {**everywhere("w3"), ("w3", LOCALHOST): SHUT}, look=nat)
    (verdict,) = [one for one in explain(place(), answers, ()) if one.cause == "ingress-rules"]

    def follows(*broken: Claim) -> bool:
        return any(one.because_of for one in traced([verdict, proof(*broken)]))

    assert follows(claims.learned("w3", "w1"), claims.learned("w3", "w2"))
    assert not follows(claims.learned("w3", "w1"))
