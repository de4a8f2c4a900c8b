"""Scenario: a task reaches its own service, also when the balancer chooses the task itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Level
from swarmnet.verify import keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Answers, Question, ServiceTask, Setup
from swarmnet.verify.scenarios.balancing.balanced import BalancedScenario, reached, too_few, unreached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim

TURNS = 2
"""Connections for each backend: in turn, so that each task meets itself."""
FIRST = keys.targets("hairpin")


class Hairpin(BalancedScenario):
    """From inside each task of the service to the service's own virtual address."""

    name: ClassVar[str] = "hairpin"
    summary: ClassVar[str] = "a task reaches its own service's virtual address, itself included"
    level: ClassVar[Level] = Level.FULL

    def questions(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Question]:
        """Knock at the virtual address from inside the tasks; again where one knock got lost, as it may by chance."""
        service = setup.service
        if service is None:
            return []
        wanted: JsonObject = {
            "kind": "knock",
            "targets": {net: [address, 0, "tcp"] for net, address in service.virtual_ips.items()},
            "expected": [*sorted(service.backends)],
            "times": TURNS * len(service.backends),
        }
        nodes = {host: node for node, host in service.backends.items() if host in able}
        doubtful = [host for host, node in nodes.items() if _is_doubtful(answers, host, node)]
        first = [ServiceTask(host, FIRST.name, wanted) for host in nodes]
        return [*first, *(ServiceTask(host, FIRST.again.name, wanted) for host in doubtful)]

    def findings(self, setup: Setup, answers: Answers, able: tuple[str, ...]) -> Iterable[Verdict]:
        """Return one verdict for each network where every task reaches itself, else one for the tasks that do not."""
        return [v for net in setup.balanced for v in self._network(setup, answers, able, net.spec.name)]

    def _network(self, setup: Setup, answers: Answers, able: tuple[str, ...], network: str) -> Iterable[Verdict]:
        backends = setup.service.backends if setup.service else {}
        nodes = {host: node for node, host in backends.items()}
        failed: dict[str, str] = {}
        needed: list[frozenset[Claim]] = []
        silent = 0
        for host in able:
            found, problem = outcomes(answers, host, FIRST.last(answers, host))
            outcome = found.get(network, {})
            problem = problem or (too_few(outcome, backends) if outcome.get("tries") else "was not asked")
            if problem:
                silent += 1
                unproved = self.verdict(f"{host} on {network}", Status.INCONCLUSIVE, problem)
                waited = unreached(setup, network, host, outcome) if outcome.get("tries") else ()
                yield unproved.model_copy(update={"needed": waited})
            elif (why := _wrong(outcome, nodes.get(host, ""))) is not None:
                failed[host] = why
                needed += unreached(setup, network, host, outcome)
        if failed:
            hosts = sorted(failed)
            yield Verdict(
                scenario=self.name,
                subject=f"network {network}",
                status=Status.FAILED,
                detail=f"the tasks on {', '.join(hosts)} do not reach their own service: {failed[hosts[0]]}",
                fix="the balancers of these nodes do not lead back to their own tasks: renew services there"
                " (docker service update --force SERVICE); if that changes nothing, restart Docker on these nodes",
                cause=CauseId.HAIRPIN,
                evidence={"cause": CauseId.HAIRPIN, "hosts": [*hosts], "network": network},
                needed=tuple(needed),
            )
        elif able and not silent:
            detail = count(
                len(able),
                "task reaches its own service, including its own backend",
                "tasks reach their own service, including their own backend",
            )
            yield self.verdict(f"network {network}", Status.OK, detail)


def _is_doubtful(answers: Answers, host: str, node: str) -> bool:
    found, problem = outcomes(answers, host, FIRST)
    return problem is None and any(_wrong(outcome, node) for outcome in found.values())


def _wrong(outcome: JsonObject, node: str) -> str | None:
    seen = outcome.get("seen")
    if outcome.get("lost") or not isinstance(seen, dict) or not seen:
        return f"{outcome.get('lost')} of {outcome.get('tries')} connections failed ({outcome.get('why')})"
    return None if node in reached(outcome) else f"none of {outcome.get('tries')} connections reached the task itself"
