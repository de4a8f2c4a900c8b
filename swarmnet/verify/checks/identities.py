"""Check: no host is the copy of another one, or another name of it, and each has the address that it advertises."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.operations.addresses import ONE_ADDRESS, UNENCRYPTED, few, own_routes
from swarmnet.verify import keys
from swarmnet.verify.checks.asked import FILES, MACHINE, files, lines
from swarmnet.verify.checks.doors import all_passages
from swarmnet.verify.checks.host_check import HostCheck, members, unread_in
from swarmnet.verify.copies import same_address, same_engine, same_mac, shared
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import ObserverTask
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.state import HostFacts
    from swarmnet.verify.scenario import Answers, Findings, Question, Setup

NEW_MACHINE_ID = ("rm -f /etc/machine-id /var/lib/dbus/machine-id", "systemd-machine-id-setup", "systemctl reboot")


class Identities(HostCheck):
    """Machine id, engine id, MAC address and advertised address of each host."""

    name: ClassVar[str] = "identities"
    summary: ClassVar[str] = "no host is a copy of another, and each has the address that it advertises"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each host for its machine id, and its observer for its addresses and devices."""
        places = (ObserverTask(host, keys.PLACES.name, {"kind": "places"}) for host in setup.watched)
        return (*map(files, members(setup)), *places)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each group of hosts that share what must be their own."""
        machine = {host: (lines(answers, host, MACHINE) or ("",))[0].strip() for host in members(setup)}
        troubles = [*duplicates(setup.state.hosts, machine), *_cards(setup, answers), *_addresses(setup)]
        troubles += [*_doubled(setup, answers), *_families(setup), *_unencrypted(setup)]
        fine = f"{count(len(members(setup)), 'host has', 'hosts have')} identities and addresses of their own"
        return self.reported(troubles, fine, unread_in(setup, answers, FILES, keys.PLACES))


def duplicates(hosts: Iterable[HostFacts], machine_ids: Mapping[str, str]) -> Iterator[Trouble]:
    """Yield hosts that are copies of each other, or one and the same."""
    hosts = tuple(hosts)
    same = [pair for pair in combinations(hosts, 2) if _is_one_host(*pair)]
    for one, two in same:
        yield Trouble(
            CauseId.HOST_TWICE,
            (one.host, two.host),
            f"{one.host} and {two.host} are one host: both names lead to engine {one.engine.id} at"
            f" {', '.join(sorted(_own(one) & _own(two)))}",
            "take one of the names out of the inventory",
        )
    known = {name for pair in same for name in (pair[0].host, pair[1].host)}
    yield from same_engine({one.host: one.engine.id for one in hosts if one.host not in known})
    for names in shared({host: word for host, word in machine_ids.items() if host not in known}):
        yield Trouble(
            CauseId.MACHINE_ID,
            names,
            f"{', '.join(names)} have the same machine-id: they are clones, and compete for leases and addresses that"
            " are derived from it",
            f"run this on all of them except {names[0]}:",
            NEW_MACHINE_ID,
            Status.WARNING,
        )


def _addresses(setup: Setup) -> Iterator[Trouble]:
    for host, why in (setup.planned.problems if setup.planned else {}).items():
        fix = f"write an address of {host} that the others reach as 'advertise' in the inventory"
        yield Trouble(CauseId.ADVERTISE, (host,), why, fix)


def _families(setup: Setup) -> Iterator[Trouble]:
    """Yield hosts whose overlays would go by another version of IP than those of the others.

    Linux VXLAN devices do not support peers of both (moby, ``isIPv6Transport`` of the overlay driver).
    """
    paths = setup.planned.data_paths if setup.planned else {}
    six = tuple(host for host, address in paths.items() if ":" in address)
    four = tuple(host for host in paths if host not in six)
    if six and four:
        yield Trouble(
            CauseId.MIXED_FAMILIES,
            six,
            f"overlays of {', '.join(six)} would go by IPv6, and those of {', '.join(four)} by IPv4: a VXLAN device has"
            " peers of one kind alone, so no overlay connects them",
            "write addresses of one kind for all hosts as 'advertise' or 'data_path' in the inventory",
        )


def _unencrypted(setup: Setup) -> Iterator[Trouble]:
    """Yield hosts from which no packet of the encrypted networks arrives that a playbook, or the swarm, has."""
    apart = setup.planned.apart if setup.planned and setup.planned.encrypted else {}
    if apart:
        where = few([f"{host} ({addresses})" for host, addresses in apart.items()])
        yield Trouble(
            CauseId.IPSEC_SOURCE,
            tuple(apart),
            f"overlays of {where} go by an address of their own: {UNENCRYPTED}",
            f"{ONE_ADDRESS} (a host that is in a swarm leaves and joins again), or make networks without encryption",
            status=Status.WARNING,
        )


def _cards(setup: Setup, answers: Answers) -> Iterator[Trouble]:
    """Yield hosts whose cards towards the others have one MAC address: switches then deliver to either."""
    cards = {}
    for host in setup.watched:
        by_address = keys.PLACES.read(answers, host) or {}
        address = setup.planned.addresses.get(host, "") if setup.planned else ""
        cards[host] = str(by_address.get(address, {}).get("mac") or "")
    yield from same_mac(cards)


def _doubled(setup: Setup, answers: Answers) -> Iterator[Trouble]:
    """Yield hosts that have the address of another one."""
    places = {
        host: {
            address: str(place.get("device") or "")
            for address, place in (keys.PLACES.read(answers, host) or {}).items()
        }
        for host in setup.watched
    }
    plans = (setup.planned.addresses, setup.planned.data_paths) if setup.planned else ()
    known = {host: {plan[host] for plan in plans if plan.get(host)} for host in setup.watched}
    for one in same_address(places, known):
        yield replace(one, broken=all_passages(setup, *one.hosts))


def _is_one_host(one: HostFacts, two: HostFacts) -> bool:
    return bool(one.engine.id) and one.engine.id == two.engine.id and bool(_own(one) & _own(two))


def _own(facts: HostFacts) -> set[str]:
    """Return the addresses of a host less those of its engine's bridges, which many hosts have alike."""
    blocks = [ip_network(route.prefix) for route in own_routes(facts)]
    return {address for address in facts.addresses if any(ip_address(address) in block for block in blocks)}
