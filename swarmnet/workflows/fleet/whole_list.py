"""List all networks of a manager: engines leave out those of the swarm when the leader is lost, without an error.

Asked for its networks, a manager asks the leader and ignores the error (moby's ``getNetworksList``): what comes back is
what the host itself has. Seen on 20.10, 26.1 and 28.5 with a leader without link or power, or that was frozen: the list
is cut after 20 s, in which another leader was elected, and the next question is answered at once; or it is cut after
30 ms, and the next question is answered, too, once there is a leader 10 s later. So a list counts when it and the
answer for the swarm were quick together: there was no time for an election.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import NotAManagerError

if TYPE_CHECKING:
    from swarmnet.model.clock import Clock
    from swarmnet.model.network import Network
    from swarmnet.model.ports import SwarmPort

SLOW_LIST = 1.0
"""Seconds after which a list may be incomplete."""
LISTS = 4
"""Lists that one manager is asked for before its leader counts as lost."""


def whole_list(manager: SwarmPort, clock: Clock) -> tuple[Network, ...]:
    """Return the networks of a manager that just answered for the swarm, those of the swarm included.

    A slow list also counts if the next one lacks nothing of it: managers may be slow for other reasons, and between the
    two the manager answered for the swarm. Its own copies of networks that are gone are left out.

    Raises:
        NotAManagerError: the manager does not answer for the swarm, or the lists stay slow and differ.
    """
    before: frozenset[str] | None = None
    for _attempt in range(LISTS):
        begun = clock.monotonic()
        seen = manager.networks.list()
        manager.swarm()
        ids = frozenset(network.id for network in seen)
        if clock.monotonic() - begun <= SLOW_LIST or (before is not None and before <= ids):
            return tuple(network for network in seen if not network.is_copy)
        before = ids
    message = f"it was slow to list networks {LISTS} times, and each list lacked some of the one before"
    raise NotAManagerError(manager.host, message, hint="is the host overloaded? see: journalctl -u docker")
