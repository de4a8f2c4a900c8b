"""Services, as one of the kinds of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.compare import service_changes
from swarmnet.model.kind import RemovableKind
from swarmnet.model.placement import by_hostname
from swarmnet.model.plan import Rank
from swarmnet.model.service import Service
from swarmnet.operations.comparing import bare, turned

if TYPE_CHECKING:
    from swarmnet.model.plan import Change
    from swarmnet.model.state import ClusterState


class ServiceKind(RemovableKind[Service]):
    """Services of the swarm."""

    word: ClassVar[str] = "service"
    field: ClassVar[str] = "services"
    rank: ClassVar[Rank] = Rank.SERVICE
    is_held: ClassVar[bool] = True

    def compared(self, state: ClusterState, now: ClusterState) -> dict[str, Service]:
        """Return the services; constraints name nodes by host name, since ids differ after a restore."""
        return {
            one.spec.name: one.model_copy(update={"spec": by_hostname(bare(one.spec), now.nodes)})
            for one in state.services
        }

    def changes(self, before: Service, after: Service) -> tuple[Change, ...]:
        """Return how two services differ."""
        return turned(service_changes(before.spec, after.spec, exact=True))
