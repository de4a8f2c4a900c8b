"""Check: no engine is set up so that it cannot be in a swarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify.checks.host_check import HostCheck, members
from swarmnet.verify.ids import CauseId
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.state import EngineFacts, HostFacts
    from swarmnet.verify.scenario import Answers, Findings, Setup

SNAP_ROOT = "/var/snap/"
RESTART = "systemctl restart docker"


class Engines(HostCheck):
    """Live restore, rules by nftables, engines without root, engines from a snap."""

    name: ClassVar[str] = "engines"
    summary: ClassVar[str] = "no engine has live restore, nftables, a snap or no root in its way"

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for each host and trouble."""
        fine = f"the engines of {count(len(members(setup)), 'host')} can be in a swarm"
        return self.reported(unfit(setup.state.hosts), fine)


def unfit(hosts: Iterable[HostFacts]) -> Iterator[Trouble]:
    """Yield what keeps engines from a swarm, or from working in one."""
    for facts in hosts:
        yield from _refusing(facts.host, facts.engine)
        yield from _confined(facts.host, facts.engine)


def _refusing(host: str, engine: EngineFacts) -> Iterator[Trouble]:
    if engine.live_restore:
        yield Trouble(
            CauseId.LIVE_RESTORE,
            (host,),
            f"live restore is on at {host}, with which engines refuse swarm mode",
            'set "live-restore": false in /etc/docker/daemon.json there, then:',
            ("systemctl reload docker",),
        )
    if engine.writes_nftables:
        yield Trouble(
            CauseId.NFTABLES,
            (host,),
            f"the engine of {host} writes rules of nftables, with which engines refuse swarm mode",
            'set "firewall-backend": "iptables" in /etc/docker/daemon.json there, then:',
            (RESTART,),
        )


def _confined(host: str, engine: EngineFacts) -> Iterator[Trouble]:
    if engine.rootless:
        yield Trouble(
            CauseId.ROOTLESS,
            (host,),
            f"the engine of {host} runs without root: it has a network of its own inside the host, which no other host"
            " reaches, and overlays do not work",
            "install the engine that runs as root (swarmnet engine install), and name its socket in the inventory",
        )
    if engine.data_root.startswith(SNAP_ROOT):
        yield Trouble(
            CauseId.SNAP,
            (host,),
            f"the engine of {host} comes from a snap (its data is in {engine.data_root}): snaps confine engines, and"
            " update and restart them on their own, one host or all at once",
            "hold it, or install the engine from Docker's own packages:",
            ("snap refresh --hold docker",),
            Status.WARNING,
        )
