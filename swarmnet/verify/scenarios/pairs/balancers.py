"""The balancers' own addresses: a closer look where connections through virtual addresses get no answer.

A host's balancer sends with an address of its own on each network, so every other host needs rows for it, as it does
for a container. They may be missing for it alone: seen on 20.10 and 26.1 after a node of 28.5 left the swarm and joined
it again, with containers all reached. It answers echoes (20.10 to 28.5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.verify import keys
from swarmnet.verify.scenario import HostCommand
from swarmnet.verify.scenarios.balancing import balance, hairpin
from swarmnet.verify.scenarios.balancing.ipvs import FOLDER, list_namespaces

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Answers, Setup

LISTED = keys.command("balancers")
_LIST = f'for one in {FOLDER}/lb_*; do echo "$one"; nsenter --net="$one" ip -4 -o address show scope global; done'
_PLACE = re.compile(r"/(lb_\S+)$")
_ADDRESS = re.compile(r" inet (\d+\.\d+\.\d+\.\d+)/(\d+) ")
_ALONE = 32
"""Bits of the prefix of a virtual address; the balancer's own has that of the network."""


def list_balancers(setup: Setup, answers: Answers) -> list[HostCommand]:
    """Return what lists the addresses of the balancers on hosts whose connections through them were lost.

    All hosts list their namespaces at the same time: rounds are few, and the rows are in these.
    """
    found = [HostCommand(host, LISTED.name, ("sh", "-c", _LIST), sudo=True) for host in _doubtful(setup, answers)]
    return [*found, *(list_namespaces(probe.host) for probe in setup.ready if found)]


def balancers_on(setup: Setup, answers: Answers, network: str) -> dict[str, str]:
    """Return the hosts whose balancers were listed, with the address of each on a network."""
    places = {f"lb_{net.id[:9]}" for net in setup.networks if net.spec.name == network}
    found: dict[str, str] = {}
    for probe in setup.ready:
        listed, place = LISTED.read(answers, probe.host), ""
        for line in listed.stdout.splitlines() if listed is not None else ():
            if match := _PLACE.search(line):
                place = match[1]
            elif place in places and (match := _ADDRESS.search(line)) and int(match[2]) < _ALONE:
                found[probe.host] = match[1]
    return found


def _doubtful(setup: Setup, answers: Answers) -> list[str]:
    looks = [balance.KNOCKED.on(net.spec.name).again for net in setup.balanced] + [hairpin.FIRST.again]
    return [probe.host for probe in setup.ready if any(look.was_asked(answers, probe.host) for look in looks)]
