"""Scenario: a service's virtual address takes TCP connections from every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.scenarios.interface import Answers, Findings, ProbeTask, Question, Scenario, Scene, outcomes

if TYPE_CHECKING:
    from swarmnet.model.network import Network

TARGET = "vip"


class VirtualAddress(Scenario):
    """TCP to the virtual address; a ping would prove nothing, since each node answers it itself."""

    name: ClassVar[str] = "vip"
    summary: ClassVar[str] = "TCP to a service's virtual address from every host (needs IPVS)"
    needs_service: ClassVar[bool] = True

    def ask(self, scene: Scene, answers: Answers) -> tuple[Question, ...]:
        """Ask every probe whether its kernel has IPVS; then those that have to connect."""
        if scene.service is None:
            return ()
        facts = tuple(ProbeTask(station.host, "facts", {"kind": "facts"}) for station in scene.ready)
        able = [station.host for station in scene.ready if _has_ipvs(answers, station.host)]
        return facts + tuple(
            ProbeTask(host, f"vip/{network}", {"kind": "who", "targets": {TARGET: address}})
            for host in able
            for network, address in scene.service.virtual_ips.items()
        )

    def judge(self, scene: Scene, answers: Answers) -> Findings:
        """Return what is wrong per network; hosts without IPVS together, as inconclusive."""
        if scene.service is None:
            reason = scene.service_problem or "the probe service was not started"
            return Findings((self._verdict("service", Status.INCONCLUSIVE, reason),))
        able = [station.host for station in scene.ready if _has_ipvs(answers, station.host)]
        without = [s.host for s in scene.ready if _has_ipvs(answers, s.host) is False]
        unknown = [s.host for s in scene.ready if _has_ipvs(answers, s.host) is None]
        verdicts = [verdict for network in scene.networks for verdict in self._network(network, able, answers)]
        if without:
            verdicts.append(self._without(without))
        verdicts += [self._verdict(host, Status.INCONCLUSIVE, "the probe could not tell its facts") for host in unknown]
        return Findings(tuple(verdicts))

    def _network(self, network: Network, able: list[str], answers: Answers) -> list[Verdict]:
        name, failed, silent = network.spec.name, {}, {}
        for host in able:
            found, problem = outcomes(answers, host, f"vip/{name}")
            outcome = found.get(TARGET, {})
            if problem or not outcome.get("tries"):
                silent[host] = problem or "was not asked"
            elif not outcome.get("ok"):
                failed[host] = str(outcome.get("why"))
        verdicts = [self._verdict(f"{host} on {name}", Status.INCONCLUSIVE, why) for host, why in silent.items()]
        if failed:
            verdicts.append(self._failed(name, failed))
        elif able and not silent:
            detail = f"{len(able)} hosts reach a task through the virtual address"
            verdicts.append(self._verdict(f"network {name}", Status.OK, detail))
        return verdicts

    def _failed(self, network: str, failed: dict[str, str]) -> Verdict:
        hosts = sorted(failed)
        return Verdict(
            scenario=self.name,
            subject=f"network {network}",
            status=Status.FAILED,
            detail=f"the service's virtual address does not answer from {', '.join(hosts)}: {failed[hosts[0]]}",
            fix="compare the backends on these hosts (ipvsadm -Ln in the network's lb_ namespace) with the running"
            " tasks; load ip_vs, ip_vs_rr and xt_ipvs; docker service update --force renews them",
            evidence={"hosts": [*hosts], "network": network},
        )

    def _without(self, hosts: list[str]) -> Verdict:
        return Verdict(
            scenario=self.name,
            subject=f"hosts {', '.join(hosts)}",
            status=Status.INCONCLUSIVE,
            detail="these kernels have no IPVS (no /proc/net/ip_vs while a balanced service runs): virtual addresses"
            " and the routing mesh cannot work there, so nothing was proved about them",
            fix="use a kernel with CONFIG_IP_VS (modprobe ip_vs ip_vs_rr), or services with endpoint mode dnsrr",
            evidence={"hosts": [*hosts]},
        )

    def _verdict(self, subject: str, status: Status, detail: str) -> Verdict:
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail)


def _has_ipvs(answers: Answers, host: str) -> bool | None:
    """Return what the probe saw; None when it was not asked, or could not tell."""
    answer = answers.get((host, "facts"))
    if answer is None or answer.problem or "ipvs" not in answer.value:
        return None
    return bool(answer.value["ipvs"])
