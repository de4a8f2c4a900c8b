"""Scenarios: one name, and one address, belong to one service or container on each overlay."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import own_services
from swarmnet.verify.scenario import Answers, Findings, Question, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.model.state import Container
    from swarmnet.verify.scenario import Setup


class OwnScenario(Scenario):
    """Something of the user's own services on every overlay, asked without a playbook."""

    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False
    needs_own: ClassVar[bool] = True

    def ask(self, _setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing more: managers' and hosts' lists are known."""
        return ()


class OwnAliases(OwnScenario):
    """Names of services and containers, network by network."""

    name: ClassVar[str] = "own-aliases"
    summary: ClassVar[str] = "no two services, or a service and a container, share a name on a network"

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for each name that several have; a name in common may be on purpose."""
        verdicts = [
            self._shared(net.spec.name, *one) for net in setup.overlays for one in _shared(setup, net.spec.name)
        ]
        if not verdicts:
            named = {name for net in setup.overlays for name in names_on(setup, net.spec.name)}
            detail = f"{count(len(named), 'name belongs', 'names belong')} to one service or container each"
            found = self.verdict("services", Status.OK, detail)
            verdicts.append(found if named else self.verdict("services", Status.SKIPPED, "nothing is on an overlay"))
        return Findings(tuple(verdicts))

    def _shared(self, network: str, name: str, owners: set[str]) -> Verdict:
        who = " and ".join(sorted(owners))
        made = self.verdict(
            f"network {network}",
            Status.WARNING,
            f"{who} have the name {name} on {network}: clients reach one or the other",
            "if that is not on purpose, give one of them another alias, or put them on networks of their own",
            cause=CauseId.ALIAS_TWICE,
        )
        evidence: JsonObject = {**made.evidence, "network": network, "name": name, "owners": [*sorted(owners)]}
        return made.model_copy(update={"evidence": evidence, "broken": frozenset({claims.name(network, name)})})


class OwnAddresses(OwnScenario):
    """Addresses that containers have by their own engines' word, host by host."""

    name: ClassVar[str] = "own-addresses"
    summary: ClassVar[str] = "no two hosts have a container with the same address on a network"

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for each address that several have."""
        owners = {net.spec.name: addresses_on(setup, net.spec.name) for net in setup.overlays}
        verdicts = [
            self._doubled(network, address, several)
            for network, found in owners.items()
            for address, several in sorted(found.items())
            if len(several) > 1
        ]
        if not verdicts:
            counted = sum(map(len, owners.values()))
            found = self.verdict(
                "overlays",
                Status.OK,
                f"{count(counted, 'address', 'addresses')} on {count(len(setup.held), 'host')}: none is there twice",
            )
            verdicts.append(found if counted else self.verdict("overlays", Status.SKIPPED, "nothing is on an overlay"))
        return Findings(tuple(verdicts))

    def _doubled(self, network: str, address: str, owners: set[str]) -> Verdict:
        made = self.verdict(
            f"network {network}",
            Status.FAILED,
            f"{' and '.join(sorted(owners))} have the same address on {network}, {address}, so clients reach one or the"
            " other",
            "recreate one of them (docker service update --force, or docker rm and docker run)",
            cause=CauseId.ADDRESS_TWICE,
        )
        evidence: JsonObject = {**made.evidence, "network": network, "address": address, "owners": [*sorted(owners)]}
        needed = claims.each((claims.address(network, address),))
        return made.model_copy(update={"evidence": evidence, "needed": needed})


def names_on(setup: Setup, network: str) -> dict[str, set[str]]:
    """Return each name on a network with the services and plain containers that have it."""
    found: dict[str, set[str]] = defaultdict(set)
    for service in own_services(setup.state):
        for place in service.spec.networks or ():
            if place.network == network:
                for name in (service.spec.name, *(place.aliases or ())):
                    found[name].add(f"service {service.spec.name}")
    for host, box, _ in _on(setup, network):
        if box.service is None:
            aliases = (alias for one in box.endpoints if one.network == network for alias in one.aliases)
            for name in {box.name, *(alias for alias in aliases if not box.id.startswith(alias))}:
                found[name].add(f"container {box.name} on {host}")
    return found


def addresses_on(setup: Setup, network: str) -> dict[str, set[str]]:
    """Return each IPv4 address on a network with the containers and services that have it."""
    found: dict[str, set[str]] = defaultdict(set)
    for host, box, address in _on(setup, network):
        found[address].add(f"container {box.name} on {host}")
    for service in own_services(setup.state):
        virtual = service.virtual_ips.get(network, "").partition("/")[0]
        if virtual and ":" not in virtual:
            found[virtual].add(f"service {service.spec.name}")
    return found


def _shared(setup: Setup, network: str) -> Iterable[tuple[str, set[str]]]:
    return ((name, owners) for name, owners in sorted(names_on(setup, network).items()) if len(owners) > 1)


def _on(setup: Setup, network: str) -> Iterator[tuple[str, Container, str]]:
    """Yield host, container and address of everything that runs on a network, verifications left out."""
    for host, several in setup.held.items():
        for box in several:
            for one in box.endpoints:
                if one.network == network and one.address and ":" not in one.address:
                    yield host, box, one.address.partition("/")[0]
