"""Bring a swarm back from one manager when a majority is gone: the same way as apply, with one manager's word alone."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import HostError, RefusedError
from swarmnet.model.border import border
from swarmnet.model.events import ignore
from swarmnet.model.raft_log import Position, end_of_log
from swarmnet.model.state import EngineFacts, trouble_with
from swarmnet.operations.swarm.recover import asks_for_autolock
from swarmnet.plan.guard import Permissions
from swarmnet.plan.quorum import recovered
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.data_path import kept_data_path
from swarmnet.workflows.fleet.failover import Relayed
from swarmnet.workflows.fleet.fanout import fan_out
from swarmnet.workflows.fleet.observe import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from swarmnet.model.ports import EnginePort, Ports
    from swarmnet.model.report import ApplyReport
    from swarmnet.plan.quorum import Wish
    from swarmnet.workflows.apply import Terms


READ_LIMIT = 60.0
"""Seconds to read a log: a file of 64 MB, most of it zeros, is packed on the host."""
LARGEST = 128 * 1024 * 1024
"""Bytes of a log that are read at most."""
_NEWEST = 'cd "$1" && file=$(ls | grep "\\.wal$" | tail -n 1) && echo "$file" && gzip -c "$file"'
_GZIP = zlib.MAX_WBITS | 16
"""How zlib is asked for gzip's format."""


class OneManager(Relayed):
    """The ``Ports`` of a run that believes one manager alone: others may still answer for the swarm as it was."""

    def __init__(self, ports: Ports, manager: str) -> None:
        super().__init__(ports, ports.clock)
        self._name = manager

    def manager(self) -> EnginePort:
        """Return the one manager when it answers for the swarm."""
        engine = self._ports.engine(self._name)
        engine.swarm()
        return engine


def recover(ports: Ports, wish: Wish, terms: Terms) -> ApplyReport:
    """Begin the swarm again from the survivor, take the other managers' entries out, and let those that answer return.

    Interrupted anywhere, the same call does the rest.

    Raises:
        RefusedError: the survivor does not answer, or the plan is refused (``plan.quorum.recovered``).
    """
    seen = _managers(ports, wish.survivor)
    own = seen[wish.survivor]
    if isinstance(own, HostError):
        raise RefusedError(f"{wish.survivor} {trouble_with(own.part)}: {own.message}", hint=own.hint) from own
    root = own.data_root
    left = {host: facts for host, facts in seen.items() if isinstance(facts, EngineFacts)}
    wish = replace(wish, logs=_logs(ports, left), data_path=kept_data_path(ports, wish.survivor, own, ports.listener))
    goal = Goal(
        partial(recovered, wish, inventory=ports.inventory),
        Look(needs=(asks_for_autolock(wish.survivor, root),), believed=wish.survivor),
        Permissions(allow_missing=True),
        f"recover quorum --from {wish.survivor}",
        headless=True,
    )
    report = apply(OneManager(ports, wish.survivor), goal, terms)
    silent = tuple(one for one in report.failures if one.host not in wish.lost)
    return report.model_copy(update={"failures": silent})


def _managers(ports: Ports, survivor: str) -> dict[str, EngineFacts | HostError]:
    """Return what the engines of the managers, and of the survivor, say of themselves."""
    hosts = dict.fromkeys([*(host.name for host in ports.inventory.managers), survivor])
    return fan_out([*hosts], lambda host: ports.engine(host).facts(), listener=ignore)


def _logs(ports: Ports, left: Mapping[str, EngineFacts]) -> dict[str, Position]:
    """Return where the logs of the managers end that have no leader; nothing while one answers for the swarm."""
    if any(facts.membership.is_manager for facts in left.values()):
        return {}
    members = [host for host, facts in left.items() if facts.membership.node_id and facts.membership.error]
    read = fan_out(members, lambda host: _log(ports, host, left[host].data_root), listener=ignore)
    return {host: end for host, end in read.items() if isinstance(end, Position)}


def _log(ports: Ports, host: str, data_root: str) -> Position:
    argv = ("sh", "-c", _NEWEST, "sh", f"{data_root}/swarm/raft/wal-v3-encrypted")
    printed = ports.shell(host).run(argv, timeout=READ_LIMIT, sudo=True).stdout
    with border(host, "read the end of its log"):
        name, _, packed = printed.partition(b"\n")
        return end_of_log(name.decode(), zlib.decompressobj(_GZIP).decompress(packed, LARGEST))
