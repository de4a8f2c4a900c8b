"""The objects of one kind on one engine or in one swarm, as every kind is listed, created and removed.

``AnyStore`` (``swarmnet.workflows.fleet``) and the simulator implement them once for all kinds; an engine has one class
a kind, since each has a form of its own on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from swarmnet.model.service import Service, ServiceSpec
from swarmnet.model.swarm import Node
from swarmnet.model.volume import Volume, VolumeSpec

if TYPE_CHECKING:
    from swarmnet.model.base import Labels
    from swarmnet.model.swarm import NodeSpec

R_co = TypeVar("R_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)


class Listing(Protocol[R_co]):
    """Objects that can be listed."""

    def list(self) -> tuple[R_co, ...]:
        """Return all of them."""


class Store(Listing[R_co], Protocol[R_co, S_contra]):
    """Objects of one kind."""

    def create(self, spec: S_contra) -> str:
        """Create an object and return its id.

        Raises:
            ConflictError: the name is in use; so a creation is a test-and-set.
        """

    def remove(self, object_id: str) -> None:
        """Remove an object.

        Raises:
            NotFoundError: it is gone.
            ConflictError: something uses it.
        """


class ContentStore(Store[R_co, S_contra], Protocol[R_co, S_contra]):
    """Configs or secrets: only their labels can change."""

    def update_labels(self, object_id: str, version: int, labels: Labels) -> None:
        """Replace the labels.

        Raises:
            StateChangedError: the object is no longer at ``version``.
        """


class ServiceStore(Store[Service, ServiceSpec], Protocol):
    """Services; network, config and secret names in their specs must exist."""

    def update(self, object_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        """Merge the managed fields into the present spec, ForceUpdate and unknown parts included, and write the result.

        ``whole`` writes ``spec`` as it is: what it leaves out is removed.
        """


class NodeStore(Listing[Node], Protocol):
    """Nodes of a swarm, which hosts join by themselves."""

    def update(self, object_id: str, version: int, spec: NodeSpec) -> None:
        """Merge the managed fields into the present ones; ``labels`` replace all labels."""

    def remove(self, object_id: str, *, force: bool = False) -> None:
        """Remove a node that is down from the list; ``force`` removes any worker."""


class VolumeStore(Store[Volume, VolumeSpec], Protocol):
    """The named volumes of one engine; removing one removes its data."""

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each volume that the engine can count, by name.

        It reads all files of all volumes: seconds to minutes.
        """
