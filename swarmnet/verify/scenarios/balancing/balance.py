"""Scenario: the virtual address deals connections out to all tasks of the service, on every host."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify.scenario import Answers, ProbeTask, Question, Setup, outcomes
from swarmnet.verify.scenarios.balancing.balanced import BalancedScenario, Share, knocks, share, unreached

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.report import Claim

FIX = (
    "a backend that is stale or missing on these hosts (ipvsadm -Ln in the network's lb_ namespace) makes one of M"
    " connections fail: docker service update --force renews the entries, restarting the engine does for all services"
)

LOSSY_FIX = (
    "single connections get lost on the way: see scenario loss; if it finds none, the hosts were busy: run verify again"
)


class Balance(BalancedScenario):
    """Fresh connections from each host to the virtual address: none lost, each task hit, about evenly.

    Every connection through a balancer with a stale backend has one chance in M to fail: one try proves nothing, so
    each host makes 20 for every backend (at most 400).
    """

    name: ClassVar[str] = "balance"
    summary: ClassVar[str] = "connections to a virtual address reach every task, evenly, from every host"

    def questions(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Question]:
        """Knock at the virtual address of every network; again where not all was well, as it may be by chance."""
        service = setup.service
        if service is None:
            return []
        return [
            ProbeTask(host, key, knocks(service.backends, (address, 0, "tcp")))
            for host in able
            for network, address in service.virtual_ips.items()
            for key in self._keys(answers, host, network, service.backends)
        ]

    def findings(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Verdict]:
        """Return one verdict a network where all is right, else one for each kind of trouble."""
        return [v for net in setup.balanced for v in self._network(setup, answers, able, net.spec.name)]

    def key(self, network: str) -> str:
        """Return the question's key."""
        return f"{self.name}/{network}"

    def again(self, network: str) -> str:
        """Return the key of the second look."""
        return f"{self.name}/{network}/again"

    def _keys(self, answers: Answers, host: str, network: str, backends: Mapping[str, str]) -> tuple[str, ...]:
        found, problem = outcomes(answers, host, self.key(network))
        doubtful = problem is None and share(found.get("door", {}), backends).kind != "ok"
        return (self.key(network), self.again(network)) if doubtful else (self.key(network),)

    def _network(self, setup: Setup, answers: Answers, able: tuple[str, ...], network: str) -> Iterable[Verdict]:
        backends = setup.service.backends if setup.service else {}
        shares: dict[str, Share] = {}
        needs: dict[str, tuple[frozenset[Claim], ...]] = {}
        for host in able:
            asked = [key for key in (self.key(network), self.again(network)) if (host, key) in answers]
            found, problem = outcomes(answers, host, asked[-1] if asked else self.key(network))
            outcome = found.get("door", {})
            if problem or not outcome.get("tries"):
                yield self.verdict(f"{host} on {network}", Status.INCONCLUSIVE, problem or "was not asked")
            else:
                shares[host] = share(outcome, backends)
                needs[host] = unreached(setup, network, host, outcome)
        for verdict in self._told(network, shares, complete=len(shares) == len(able)):
            hosts = verdict.evidence.get("hosts")
            needed = [need for host in hosts for need in needs[str(host)]] if isinstance(hosts, list) else []
            yield verdict.model_copy(update={"needed": tuple(needed)})

    def _told(self, network: str, shares: dict[str, Share], *, complete: bool) -> Iterable[Verdict]:
        by_kind: dict[str, list[str]] = defaultdict(list)
        for host, one in shares.items():
            by_kind[one.kind].append(host)
        for kind, hosts in by_kind.items():
            one = shares[hosts[0]]
            if kind == "ok":
                continue
            yield Verdict(
                scenario=self.name,
                subject=f"network {network}",
                status=one.status,
                detail=f"through the virtual address, from {', '.join(hosts)}: {one.detail}",
                fix=LOSSY_FIX if kind == "lossy" else FIX,
                evidence={"cause": f"balance-{kind}", "hosts": [*hosts], "network": network},
            )
        if shares and complete and set(by_kind) == {"ok"}:
            one = next(iter(shares.values()))
            detail = f"{one.detail} connections, from each of {len(shares)} hosts"
            yield self.verdict(f"network {network}", Status.OK, detail)
