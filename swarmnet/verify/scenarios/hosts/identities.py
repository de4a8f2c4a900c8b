"""Scenario: each host is one of its kind: it has the address that its node is known by, and shares no identity.

Engines keep the address that they joined with: where a host gets another one, its peers go on to send to the old one.
Machines that were copied share what must differ: hardware addresses, ids of engines.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.copies import same_address, same_engine, same_mac
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import kernel_of, settings
from swarmnet.verify.scenario import Answers, Findings, Question, Scenario, Setup
from swarmnet.verify.scenarios.hosts.fixed_neighbours import fixed_wrongly
from swarmnet.verify.scenarios.hosts.kernels import between, is_lost
from swarmnet.verify.scenarios.hosts.ports import everything

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.state import HostFacts
    from swarmnet.verify.trouble import Trouble


class Identities(Scenario):
    """Addresses of nodes, hardware addresses and what peers take for them, ids of engines."""

    name: ClassVar[str] = "identities"
    summary: ClassVar[str] = "every host has the address that its node is known by, and shares no identity with others"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each observer for the addresses of its host's devices."""
        return tuple(settings(host) for host in setup.watched)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each host that lost its address and each identity that several share, else one."""
        known = {one.host: _addresses(setup, answers, one.host) for one in setup.observers}
        seen = [host for host, addresses in known.items() if addresses]
        found = [one for host in seen for one in self._gone(setup, answers, host, known[host])]
        macs = {host: known[host].get(_address(setup, host), "") for host in seen}
        ids = {one.host: one.engine.id for one in setup.state.hosts}
        found += [one.verdict(self.name) for one in (*same_mac(macs), *same_engine(ids))]
        found += [one.verdict(self.name) for one in fixed_wrongly(setup, answers, known)]
        found += [one.verdict(self.name) for one in _doubled(setup, answers, seen)]
        if seen and not found:
            detail = count(
                len(seen),
                "host has the address that its node is known by",
                "hosts have the addresses that their nodes are known by, and share no identity",
            )
            found = [self.verdict("hosts", Status.OK, detail)]
        return Findings(tuple(found))

    def _gone(self, setup: Setup, answers: Answers, host: str, has: Mapping[str, str]) -> Iterable[Verdict]:
        """Yield the failure of a host that nothing reaches where its node is known; behind a NAT that works, none."""
        peers = [one.host for one in setup.observers if one.host != host]
        wanted = _address(setup, host)
        if not wanted or ":" in wanted or wanted in has:
            return
        hurt = [peer for peer in peers if is_lost(setup, answers, host, peer)]
        node = setup.state.node_of(host)
        if not hurt and (node is None or node.status == "ready"):
            return
        pairs = sorted(pair for peer in peers for pair in ((host, peer), (peer, host)))
        broken = {claims.advertised(host), claims.node(host), claims.attach(host)}
        for pair in pairs:
            broken |= {*between(setup, {pair}), claims.learned(*pair), claims.path(*pair)}
            broken |= {claims.passage("answers", *pair), claims.passage("gossip", *pair)}
        yield Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.FAILED,
            detail=f"the node of {host} is known by {wanted}, but {host} has {', '.join(sorted(has)) or 'no address'}:"
            " other hosts send to an address that is not there",
            fix=f"give {wanted} back to {host} (a fixed address, or a lease that stays); or let it leave the swarm and"
            " join again with its new address, managers one after the other",
            cause=CauseId.ADDRESS_GONE,
            evidence={"cause": CauseId.ADDRESS_GONE, "hosts": [host], "pairs": [[*pair] for pair in pairs]},
            broken=frozenset(broken),
        )


def _doubled(setup: Setup, answers: Answers, hosts: Iterable[str]) -> Iterable[Trouble]:
    """Yield each host that has the address of another one, with the ways that this breaks."""
    places = {host: (kernel_of(answers, host) or {}).get("devices") for host in hosts}
    devices = {
        host: {address: str(device or "") for address, device in said.items()}
        for host, said in places.items()
        if isinstance(said, dict)
    }
    known = {one.host: {one.vtep, one.known_by} - {""} for one in setup.observers}
    for one in same_address(devices, known):
        host, peer = one.hosts
        others = (other for other in known if other != peer)
        pairs = [(other, peer) for other in others if other == host or is_lost(setup, answers, other, peer)]
        broken = {place for pair in pairs for place in (claims.sends(*pair), *everything(*pair))}
        yield replace(one, broken=frozenset(broken))


def _address(setup: Setup, host: str) -> str:
    return next((one.known_by for one in setup.observers if one.host == host), "")


def _addresses(setup: Setup, answers: Answers, host: str) -> dict[str, str]:
    """Return the addresses of a host with the hardware addresses of their devices, as far as they are known."""
    macs = (kernel_of(answers, host) or {}).get("macs")
    if isinstance(macs, dict) and macs:
        return {address: str(mac or "") for address, mac in macs.items() if not address.startswith("127.")}
    facts: HostFacts | None = setup.state.facts(host)
    return dict.fromkeys(facts.addresses, "") if facts else {}
