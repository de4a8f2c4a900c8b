"""Kernels without IPVS: neither virtual addresses nor the routing mesh can work there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenarios.balancing.balanced import has_ipvs
from swarmnet.verify.scenarios.balancing.ipvs import BalancerTables
from swarmnet.verify.scenarios.expected.explained import IPVS_FIX

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Answers, Setup


def explain(setup: Setup, answers: Answers) -> tuple[Verdict, ...]:
    """Return one inconclusive verdict for all hosts whose kernel has no IPVS; none where all have it."""
    asked = dict.fromkeys((*(probe.host for probe in setup.ready), *setup.watched))
    hosts = [host for host in asked if has_ipvs(answers, host) is False]
    if not hosts:
        return ()
    verdict = Verdict(
        scenario=BalancerTables.name,
        subject=f"hosts {', '.join(hosts)}",
        status=Status.INCONCLUSIVE,
        detail="these kernels have no IPVS (no /proc/net/ip_vs while a balanced service runs): virtual addresses"
        " and the routing mesh cannot work there, and were not tested",
        fix=IPVS_FIX,
        cause=CauseId.NO_IPVS,
        evidence={"cause": CauseId.NO_IPVS, "hosts": [*hosts]},
        broken=frozenset(map(claims.ipvs_kernel, hosts)),
    )
    return (verdict,)
