"""Scenario: a service's virtual address takes TCP connections from every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Answers, ProbeTask, Question, Setup
from swarmnet.verify.scenarios.balancing.balanced import BalancedScenario, unreached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim

TARGET = "vip"
ASKED = keys.targets("vip")


class VirtualAddress(BalancedScenario):
    """TCP to the virtual address; a ping would prove nothing, since each node answers it itself."""

    name: ClassVar[str] = "vip"
    summary: ClassVar[str] = "a service's virtual address answers TCP from every host (needs IPVS)"

    def questions(self, setup: Setup, _answers: Answers, able: tuple[str, ...]) -> Iterable[Question]:
        """Connect to the virtual address on every network."""
        addresses = setup.service.virtual_ips if setup.service else {}
        return [
            ProbeTask(host, ASKED.on(network).name, {"kind": "who", "targets": {TARGET: address}})
            for host in able
            for network, address in addresses.items()
        ]

    def findings(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Verdict]:
        """Return what is wrong per network."""
        return [verdict for network in setup.balanced for verdict in self._network(setup, network, able, answers)]

    def _network(self, setup: Setup, network: Network, able: tuple[str, ...], answers: Answers) -> list[Verdict]:
        name, failed, silent = network.spec.name, {}, {}
        needed: list[frozenset[Claim]] = []
        for host in able:
            found, problem = outcomes(answers, host, ASKED.on(name))
            outcome = found.get(TARGET, {})
            if problem or not outcome.get("tries"):
                silent[host] = problem or "was not asked"
            elif not outcome.get("ok"):
                failed[host] = str(outcome.get("why"))
                needed += unreached(setup, name, host, {**outcome, "lost": outcome["tries"]})
        verdicts = [self.verdict(f"{host} on {name}", Status.INCONCLUSIVE, why) for host, why in silent.items()]
        if failed:
            verdicts.append(self._failed(name, failed).model_copy(update={"needed": tuple(needed)}))
        elif able and not silent:
            detail = f"{count(len(able), 'host reaches', 'hosts reach')} a task through the virtual address"
            verdicts.append(self.verdict(f"network {name}", Status.OK, detail))
        return verdicts

    def _failed(self, network: str, failed: dict[str, str]) -> Verdict:
        hosts = sorted(failed)
        return Verdict(
            scenario=self.name,
            subject=f"network {network}",
            status=Status.FAILED,
            detail=f"the service's virtual address does not answer from {', '.join(hosts)}: {failed[hosts[0]]}",
            fix="compare the backends on these hosts (ipvsadm -Ln in the network's lb_ namespace) with the running"
            " tasks, load ip_vs, ip_vs_rr and xt_ipvs, then run docker service update --force to renew the entries",
            cause=CauseId.VIP,
            evidence={"cause": CauseId.VIP, "hosts": [*hosts], "network": network},
        )
