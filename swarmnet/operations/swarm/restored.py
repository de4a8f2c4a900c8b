"""The swarm as a backup has it, including what a playbook cannot describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.operations.swarm.autolock import problems_of_key
from swarmnet.operations.swarm.checks import problems_of_swarm
from swarmnet.operations.swarm.operation import SwarmOperation

if TYPE_CHECKING:
    from swarmnet.operations.kind import Context


class RestoredSwarm(SwarmOperation):
    """The swarm of a backup."""

    name_in_playbook: ClassVar[str] = "restored_swarm"
    summary: ClassVar[str] = "The swarm as a backup has it."

    tolerated: frozenset[str] = frozenset()
    """Routes of the old hosts that overlapped its address pool."""

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what prevents the swarm on these hosts.

        Engines from 26.1 on show and accept the size of blocks without a pool, so that is allowed here.
        """
        spec = self.spec(context)
        key = problems_of_key(spec, self.unlock_key_file, context.state)
        return (*problems_of_swarm(spec, context, tolerated=self.tolerated), *key)
