"""The sizes of the named volumes of all hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.state import HostFailure
from swarmnet.workflows.fleet.fanout import bugs_to, fan_out

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState

LIMIT = 330.0
"""Seconds for one host: its engine reads all files of all volumes."""


def sizes_of_volumes(ports: Ports, state: ClusterState) -> tuple[dict[str, dict[str, int]], tuple[HostFailure, ...]]:
    """Return the bytes of volumes by host and name, and the hosts that could not count; those without any are left out.

    Args:
        ports: the hosts.
        state: what was seen of them, volumes included.
    """
    hosts = [facts.host for facts in state.hosts if facts.volumes]
    counted = fan_out(
        hosts, lambda host: ports.engine(host).volumes.sizes(), listener=bugs_to(ports.listener), limit=LIMIT
    )
    failed = (
        HostFailure(host=host, reason=one.message, hint=one.hint)
        for host, one in counted.items()
        if isinstance(one, HostError)
    )
    found = {host: one for host, one in counted.items() if not isinstance(one, HostError)}
    return found, tuple(failed)
