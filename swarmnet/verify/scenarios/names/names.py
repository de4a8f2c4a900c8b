"""What the DNS scenarios have in common: each probe asks its resolver for names, network by network.

The engine's resolver answers ``NAME.NETWORK`` from that network alone, so one probe on several networks can tell them
apart (libnetwork's ``ResolveName``; a plain name is answered by the first network that knows it).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Level
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.patterns import Shape, decompose
from swarmnet.verify.scenario import Answers, Findings, ProbeTask, Question, Scenario, Setup

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.network import Network
    from swarmnet.model.report import Claim
    from swarmnet.verify.keys import Key
    from swarmnet.verify.patterns import Reach
    from swarmnet.verify.scenario import OverlayProbe, Setup


MORE = 25.0
"""Seconds beyond the limit until a name that is not found counts as missing. What gossip did not bring at once, engines
learn when they compare whole tables, every 30 s (``bulkSyncTables`` of libnetwork's networkdb)."""
GOSSIP_FIX = (
    "names travel by gossip: open 7946 tcp and udp between all nodes in both directions; if they are open, restart the"
    " missing task (docker service update --force)"
)


class LookupScenario(Scenario):
    """Names of one kind, asked by every probe on every tested network."""

    noun: ClassVar[str]
    """What is looked up, for people: ``container name``."""

    @property
    def key(self) -> Key[dict[str, JsonObject]]:
        """The key of its look-ups, network by network."""
        return keys.targets(self.name)

    @abstractmethod
    def wanted(self, setup: Setup, probe: OverlayProbe, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return label (a host, or the service) to the name and exactly the addresses that it must give."""

    def networks(self, setup: Setup) -> tuple[Network, ...]:
        """Return the networks on which there are such names."""
        return setup.networks

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask every probe for every name."""
        nets = self.networks(setup)
        return tuple(self._question(setup, probe, net.spec.name) for probe in setup.ready for net in nets)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a network where all is right, else one a cause."""
        if self.needs_service and setup.service is None:
            return Findings((absence.unserved(setup, self.name),))
        if not self.networks(setup) and setup.networks:
            return Findings((self.verdict("names", Status.SKIPPED, f"no network has such names here: {self.noun}"),))
        return Findings(
            tuple(v for net in self.networks(setup) for v in self._judge_network(setup, answers, net.spec.name))
        )

    def _question(self, setup: Setup, probe: OverlayProbe, network: str) -> ProbeTask:
        targets: dict[str, JsonValue] = {
            label: [name, list(expected)] for label, (name, expected) in self.wanted(setup, probe, network).items()
        }
        task: JsonObject = {"kind": "dns", "targets": targets, "more": MORE}
        return ProbeTask(probe.host, self.key.on(network).name, task)

    def _judge_network(self, setup: Setup, answers: Answers, network: str) -> list[Verdict]:
        wrong: dict[tuple[str, str], str] = {}
        asked: set[tuple[str, str]] = set()
        silent: dict[str, str] = {}
        for probe in setup.ready:
            wanted = self.wanted(setup, probe, network)
            found, problem = outcomes(answers, probe.host, self.key.on(network))
            if problem:
                silent[probe.host] = problem
                continue
            asked |= {(probe.host, label) for label in wanted}
            wrong |= {
                (probe.host, label): _what_came(name, expected, found.get(label, {}))
                for label, (name, expected) in wanted.items()
                if not found.get(label, {}).get("ok")
            }
        hosts = {probe.host for probe in setup.ready}
        among = frozenset(pair for pair in asked if pair[1] in hosts)
        verdicts = [
            self._missing(network, asked, wrong, (reach.pairs, _sentence(reach, self.noun)))
            for reach in decompose(frozenset(wrong) & among, among)
        ]
        others = frozenset(wrong) - among
        if others:
            sources = {source for source, _ in others}
            everyone = sources == {source for source, _ in asked}
            labels = ", ".join(sorted({label for _, label in others}))
            who = (
                "no host gets"
                if everyone
                else f"{', '.join(sorted(sources))} {'do' if sources != {min(sources)} else 'does'} not get"
            )
            verdicts.append(self._missing(network, asked, wrong, (others, f"{who} the right {self.noun} of {labels}")))
        verdicts += [self.verdict(f"{host} on {network}", Status.INCONCLUSIVE, why) for host, why in silent.items()]
        if not asked:
            verdicts.append(absence.untested(setup, self.name, f"network {network}", "no name could be looked up"))
        elif not wrong:
            detail = f"all {len(asked)} look-ups of the {self.noun} are correct"
            verdicts.append(self.verdict(f"network {network}", Status.OK, detail))
        return verdicts

    def _missing(
        self,
        network: str,
        asked: set[tuple[str, str]],
        wrong: dict[tuple[str, str], str],
        reach: tuple[frozenset[tuple[str, str]], str],
    ) -> Verdict:
        pairs, sentence = reach
        hosts = {source for source, _ in asked}
        return Verdict(
            scenario=self.name,
            subject=f"network {network}",
            status=Status.FAILED,
            detail=f"{sentence} on {network}: {wrong[min(pairs)]}",
            fix=GOSSIP_FIX,
            cause=CauseId.NAMES,
            evidence={"cause": CauseId.NAMES, "pairs": [list(pair) for pair in sorted(pairs)], "network": network},
            needed=tuple(needed(network, hosts, *pair) for pair in sorted(pairs)),
        )


def needed(network: str, hosts: set[str], source: str, label: str) -> frozenset[Claim]:
    """Return what a look-up needed: of a host's name, to have learned from that one; of a service's, from all."""
    peers = hosts & {label} or hosts - {source}
    found = {claims.learned(source, peer) for peer in peers}
    found |= {claims.node(source), claims.node(label), claims.allocated(network)}
    return frozenset(found | {claims.resolver(source)})


def _sentence(reach: Reach, noun: str) -> str:
    """Return who does not find whom, true for each direction."""
    first, last = (reach.hosts[0], reach.hosts[-1]) if reach.hosts else ("", "")
    return {
        Shape.ALL: f"no host finds the {noun} of any other host",
        Shape.ISOLATED: f"{first} finds the {noun} of no other host, and no other host finds the {noun} of {first}",
        Shape.INBOUND: f"no other host finds the {noun} of {first}",
        Shape.OUTBOUND: f"{first} finds the {noun} of no other host",
        Shape.BETWEEN: f"{first} and {last} do not find each other's {noun}",
        Shape.ONE_WAY: f"{first} does not find the {noun} of {last}",
    }[reach.shape]


def _what_came(name: str, expected: tuple[str, ...], outcome: dict[str, JsonValue]) -> str:
    came = outcome.get("addresses")
    got = ", ".join(map(str, came)) if isinstance(came, list) and came else str(outcome.get("why", "no answer"))
    return f"{name} resolves to {got}, not to {', '.join(expected) or 'an address'}"


def _others(setup: Setup, probe: OverlayProbe, network: str) -> tuple[OverlayProbe, ...]:
    """Return the probes of other hosts on a network."""
    return tuple(other for other in setup.ready if other.host != probe.host and network in other.addresses)


def _named(probe: OverlayProbe, name: str, network: str) -> tuple[str, tuple[str, ...]]:
    """Return a probe's name as it is looked up on a network, and the address that it should resolve to."""
    return f"{name}.{network}", (probe.addresses[network],)


class ContainerNames(LookupScenario):
    """Names of containers on other hosts."""

    name: ClassVar[str] = "dns-container"
    summary: ClassVar[str] = "every host resolves the names of containers"
    noun: ClassVar[str] = "container name"
    level: ClassVar[Level] = Level.QUICK

    def wanted(self, setup: Setup, probe: OverlayProbe, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return the other probes' names."""
        return {other.host: _named(other, other.name, network) for other in _others(setup, probe, network)}


class Aliases(LookupScenario):
    """Aliases of containers on other hosts."""

    name: ClassVar[str] = "dns-alias"
    summary: ClassVar[str] = "every host resolves the aliases of containers"
    noun: ClassVar[str] = "alias"
    level: ClassVar[Level] = Level.QUICK

    def networks(self, setup: Setup) -> tuple[Network, ...]:
        """Return none where probes are tasks of a service, which have no alias of their own."""
        return setup.networks if any(probe.alias for probe in setup.ready) or not setup.ready else ()

    def wanted(self, setup: Setup, probe: OverlayProbe, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return the other probes' aliases."""
        return {other.host: _named(other, other.alias, network) for other in _others(setup, probe, network)}


class ServiceNames(LookupScenario):
    """The probe service's name and alias."""

    name: ClassVar[str] = "dns-service"
    summary: ClassVar[str] = "every host resolves a service's name and alias to its virtual address"
    noun: ClassVar[str] = "name"
    needs_service: ClassVar[bool] = True

    def networks(self, setup: Setup) -> tuple[Network, ...]:
        """Return the networks where the service has a virtual address."""
        return setup.balanced

    def wanted(self, setup: Setup, _probe: OverlayProbe, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return both names with the virtual address."""
        service = setup.service
        if service is None or network not in service.virtual_ips:
            return {}
        address = (service.virtual_ips[network],)
        return {
            "the service": (f"{service.name}.{network}", address),
            "the service's alias": (f"{service.alias}.{network}", address),
        }


class TaskNames(LookupScenario):
    """All tasks of the probe service: a missing or a dead one means that gossip did not converge."""

    name: ClassVar[str] = "dns-tasks"
    summary: ClassVar[str] = "every host resolves tasks.NAME to all tasks"
    noun: ClassVar[str] = "tasks"
    needs_service: ClassVar[bool] = True

    def networks(self, setup: Setup) -> tuple[Network, ...]:
        """Return the networks where its tasks have addresses."""
        known = setup.service.task_addresses if setup.service else {}
        return tuple(net for net in setup.networks if known.get(net.spec.name))

    def wanted(self, setup: Setup, _probe: OverlayProbe, network: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return the name with all addresses."""
        service = setup.service
        if service is None or not service.task_addresses.get(network):
            return {}
        return {"the service": (f"tasks.{service.name}.{network}", service.task_addresses[network])}


LOOKUPS: tuple[LookupScenario, ...] = (ContainerNames(), Aliases(), ServiceNames(), TaskNames())
"""The scenarios that ask the engine's own resolver for names that it knows."""
