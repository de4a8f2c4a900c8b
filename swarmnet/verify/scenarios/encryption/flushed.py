"""Hosts whose IPsec states were gone before the run: the run's own probes made the engine set them again.

An engine sets the states of a peer when a container of a network joins that both are on, not while they are missing
(seen on 20.10, 26.1 and 28.5: after ``ip xfrm state flush`` containers of the host lose what they send to other hosts,
until another container starts there). So a run that looks at them finds them, and only their age shows that they are
new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.captures import IPSEC, encrypted
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Answers, Setup

LATE = 5.0
"""Seconds that a question may take to a busy host, which measures ages in whole seconds."""
OLDER = 60.0
"""Seconds by which the peers' states of the same pairs must be older: those of a new network are not."""


def flushed(scenario: str, setup: Setup, answers: Answers, vteps: Mapping[str, str]) -> Iterator[Verdict]:
    """Yield a warning for each host that had no states for any peer whose containers share a network with its own.

    ``vteps`` are the hosts that can be compared, each with its address of the data path.
    """
    shared = [hosts for net in encrypted(setup) if (hosts := _before(setup, net.spec.name) & vteps.keys())]
    for host, vtep in vteps.items():
        peers = {peer for hosts in shared if host in hosts for peer in hosts} - {host}
        ages = [(_age(answers, host, vteps[peer]), _age(answers, peer, vtep)) for peer in sorted(peers)]
        if ages and all(_is_new(answers, host, own) and own + OLDER <= other for own, other in ages):
            yield Verdict(
                scenario=scenario,
                subject=f"host {host}",
                status=Status.WARNING,
                detail=f"{host} had no IPsec states for {', '.join(sorted(peers))} before this run, whose probes made"
                " its engine set them again: its containers lost what they sent over encrypted networks",
                fix=f"find what removes these states on {host}: ip xfrm state flush, or strongSwan or Libreswan,"
                " which do so when they start. The engine sets them again when it restarts, or when a container joins"
                " the network:",
                cause=CauseId.IPSEC_FLUSHED,
                evidence={
                    "cause": CauseId.IPSEC_FLUSHED,
                    "hosts": [host],
                    "peers": [*sorted(peers)],
                    "commands": ["systemctl restart docker"],
                },
                broken=frozenset(claims.esp(*way) for peer in peers for way in ((host, peer), (peer, host))),
            )


def _before(setup: Setup, network: str) -> set[str]:
    """Return the hosts on which tasks were on a network before the run."""
    names = {one.engine.membership.node_id: one.host for one in setup.state.hosts}
    return {names.get(task.node_id or "", "") for task in running(setup.state.tasks) if network in task.networks}


def _is_new(answers: Answers, host: str, age: float) -> bool:
    elapsed = (IPSEC[0].read(answers, host) or {}).get("elapsed")
    return isinstance(elapsed, int | float) and 0 <= age <= elapsed + LATE


def _age(answers: Answers, host: str, peer: str) -> float:
    """Return the age of the oldest state that a host has for a peer, in seconds; negative where that is not known."""
    found = (IPSEC[0].read(answers, host) or {}).get("states")
    states: list[JsonObject] = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    ages = [one.get("age") for one in states if peer in (one.get("source"), one.get("target"))]
    return max((age for age in ages if isinstance(age, int | float)), default=-1.0)
