"""Scenario: the virtual address deals connections out to all tasks of the service, on every host."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Answers, ProbeTask, Question, Setup
from swarmnet.verify.scenarios.balancing.balanced import BalancedScenario, Share, knocks, share, too_few, unreached

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim
    from swarmnet.verify.keys import Key

    Knocks = Key[dict[str, JsonObject]]

FIX = (
    "a stale or missing backend on these hosts makes one of M connections fail (ipvsadm -Ln in the network's lb_"
    " namespace shows them): run docker service update --force to renew a service's entries, or restart Docker for all"
)

LOSSY_FIX = (
    "single connections are lost on the way: count what the lines between the hosts lose (swarmnet verify --only loss);"
    " if none loses more than it may, the hosts were busy: run verify again when they are not"
)


KNOCKED = keys.targets("balance")


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
            ProbeTask(host, key.name, knocks(service.backends, (address, 0, "tcp")))
            for host in able
            for network, address in service.virtual_ips.items()
            for key in self._keys(answers, host, network, service.backends)
        ]

    def findings(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Verdict]:
        """Return one verdict a network where all is right, else one for each kind of trouble."""
        return [v for net in setup.balanced for v in self._network(setup, answers, able, net.spec.name)]

    def _keys(self, answers: Answers, host: str, network: str, backends: Mapping[str, str]) -> tuple[Knocks, ...]:
        key = KNOCKED.on(network)
        found, problem = outcomes(answers, host, key)
        doubtful = problem is None and share(found.get("door", {}), backends).cause is not None
        return (key, key.again) if doubtful else (key,)

    def _network(self, setup: Setup, answers: Answers, able: tuple[str, ...], network: str) -> Iterable[Verdict]:
        backends = setup.service.backends if setup.service else {}
        shares: dict[str, Share] = {}
        needs: dict[str, tuple[frozenset[Claim], ...]] = {}
        for host in able:
            found, problem = outcomes(answers, host, KNOCKED.on(network).last(answers, host))
            outcome = found.get("door", {})
            problem = problem or (too_few(outcome, backends) if outcome.get("tries") else "was not asked")
            if problem:
                unproved = self.verdict(f"{host} on {network}", Status.INCONCLUSIVE, problem)
                waited = unreached(setup, network, host, outcome) if outcome.get("tries") else ()
                yield unproved.model_copy(update={"needed": waited})
            else:
                shares[host] = share(outcome, backends)
                needs[host] = unreached(setup, network, host, outcome)
        by_cause: dict[CauseId, list[str]] = defaultdict(list)
        for host, one in shares.items():
            if one.cause is not None:
                by_cause[one.cause].append(host)
        for cause, hosts in by_cause.items():
            one = shares[hosts[0]]
            yield Verdict(
                scenario=self.name,
                subject=f"network {network}",
                status=one.status,
                detail=f"through the virtual address, from {', '.join(hosts)}: {one.detail}",
                fix=LOSSY_FIX if cause is CauseId.BALANCE_LOSSY else FIX,
                cause=cause,
                evidence={"cause": cause, "hosts": [*hosts], "network": network},
                needed=tuple(need for host in hosts for need in needs[host]),
            )
        if shares and len(shares) == len(able) and not by_cause:
            one = next(iter(shares.values()))
            detail = f"{one.detail} connections, from each of {count(len(shares), 'host')}"
            yield self.verdict(f"network {network}", Status.OK, detail)
