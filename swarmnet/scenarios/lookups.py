"""What the DNS scenarios have in common: each probe asks its resolver for names, network by network.

The engine's resolver answers ``NAME.NETWORK`` from that network alone, so one probe on several networks can tell them
apart (libnetwork's ``ResolveName``; a plain name is answered by the first network that knows it).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.scenarios import places
from swarmnet.scenarios.interface import Answers, Findings, ProbeTask, Question, Scenario, Scene, outcomes
from swarmnet.scenarios.patterns import Reach, decompose

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Place
    from swarmnet.scenarios.interface import Station

GOSSIP_FIX = (
    "names travel by gossip: open 7946 tcp and udp between all nodes in both directions; if they are open, restart the"
    " task that is missing (docker service update --force)"
)


class LookupScenario(Scenario):
    """Names of one kind, asked by every probe on every tested network."""

    noun: ClassVar[str]
    """What is looked up, for people: ``container name``."""

    @abstractmethod
    def wanted(self, scene: Scene, station: Station, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return label (a host, or the service) to the name and exactly the addresses that it must give."""

    def ask(self, scene: Scene, _answers: Answers) -> tuple[Question, ...]:
        """Ask every probe for every name."""
        return tuple(self._question(scene, station, net.spec.name) for station in scene.ready for net in scene.networks)

    def judge(self, scene: Scene, answers: Answers) -> Findings:
        """Return one verdict a network where all is right, else one a cause."""
        if self.needs_service and scene.service is None:
            reason = scene.service_problem or "the probe service was not started"
            return Findings((self._verdict("service", Status.INCONCLUSIVE, reason),))
        return Findings(tuple(v for net in scene.networks for v in self._judge_network(scene, answers, net.spec.name)))

    def _question(self, scene: Scene, station: Station, network: str) -> ProbeTask:
        targets: dict[str, JsonValue] = {
            label: [name, list(expected)] for label, (name, expected) in self.wanted(scene, station, network).items()
        }
        return ProbeTask(station.host, f"{self.name}/{network}", {"kind": "dns", "targets": targets})

    def _judge_network(self, scene: Scene, answers: Answers, network: str) -> list[Verdict]:
        wrong: dict[tuple[str, str], str] = {}
        asked: set[tuple[str, str]] = set()
        silent: dict[str, str] = {}
        for station in scene.ready:
            wanted = self.wanted(scene, station, network)
            found, problem = outcomes(answers, station.host, f"{self.name}/{network}")
            if problem:
                silent[station.host] = problem
                continue
            asked |= {(station.host, label) for label in wanted}
            wrong |= {
                (station.host, label): _what_came(name, expected, found.get(label, {}))
                for label, (name, expected) in wanted.items()
                if not found.get(label, {}).get("ok")
            }
        verdicts = [
            self._missing(network, asked, wrong, reach) for reach in decompose(frozenset(wrong), frozenset(asked))
        ]
        verdicts += [self._verdict(f"{host} on {network}", Status.INCONCLUSIVE, why) for host, why in silent.items()]
        if not asked:
            verdicts.append(self._verdict(f"network {network}", Status.INCONCLUSIVE, "no name could be asked for"))
        elif not wrong:
            detail = f"all {len(asked)} look-ups of the {self.noun} are right"
            verdicts.append(self._verdict(f"network {network}", Status.OK, detail))
        return verdicts

    def _missing(
        self, network: str, asked: set[tuple[str, str]], wrong: dict[tuple[str, str], str], reach: Reach
    ) -> Verdict:
        sources = ", ".join(sorted({source for source, _ in reach.pairs}))
        labels = ", ".join(sorted({label for _, label in reach.pairs}))
        everybody = len({source for source, _ in reach.pairs}) == len({source for source, _ in asked})
        example = wrong[min(reach.pairs)]
        hosts = {source for source, _ in asked}
        detail = f"{'no host' if everybody else sources} finds the {self.noun} of {labels} on {network}: {example}"
        if not everybody:
            detail = f"{sources}: wrong answer for the {self.noun} of {labels} on {network}: {example}"
        return Verdict(
            scenario=self.name,
            subject=f"network {network}",
            status=Status.FAILED,
            detail=detail,
            fix=GOSSIP_FIX,
            evidence={"pairs": [list(pair) for pair in sorted(reach.pairs)], "network": network},
            needed=tuple(_needed(network, hosts, *pair) for pair in sorted(reach.pairs)),
        )

    def _verdict(self, subject: str, status: Status, detail: str) -> Verdict:
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail)


def _needed(network: str, hosts: set[str], source: str, label: str) -> frozenset[Place]:
    """Return what a look-up needed: of a host's name, to have learned from that one; of a service's, from all."""
    peers = hosts & {label} or hosts - {source}
    found = {places.learned(source, peer) for peer in peers}
    return frozenset(found | {places.node(source), places.node(label), places.allocated(network)})


def _what_came(name: str, expected: tuple[str, ...], outcome: dict[str, JsonValue]) -> str:
    came = outcome.get("addresses")
    got = ", ".join(map(str, came)) if isinstance(came, list) and came else str(outcome.get("why", "no answer"))
    return f"{name} gives {got}, not {', '.join(expected) or 'an address'}"
